// node-postgres against a PostgreSQL server:
//
//     node node.js HOST PORT DATABASE USER PASSWORD SCHEMA
//
// Prints a JSON object for each check. When a section fails, its error is printed, the other
// sections still run, and the exit status is 1. checks.py documents the schema.
'use strict';

const { deepStrictEqual: same, rejects } = require('node:assert');
const { Client, Pool } = require('pg');
const Cursor = require('pg-cursor');
const QueryStream = require('pg-query-stream');

const [host, port, database, user, password, schema] = process.argv.slice(2);
const options = { host, port: Number(port), database, user, password };
const table = `${schema}.house_prices`;
const columns = ['id', 'price', 'sqft_living', 'zipcode', 'sold'];
const ids = Array.from({ length: 1000 }, (_, n) => String(n + 1));
const unknown = 'SELECT * FROM no_such_table';

function check(name, value, expected) {
  if (expected !== undefined) same(value, expected, `${name}: ${JSON.stringify(value)}`);
  console.log(JSON.stringify({ check: name, value }));
}

async function queries(client) {
  const found = await client.query(`SELECT * FROM ${table} ORDER BY id`);
  check('columns', found.fields.map((field) => field.name), columns);
  check('types', found.fields.map((field) => field.dataTypeID), [20, 701, 23, 1043, 1082]);
  check('command', [found.command, found.rowCount], ['SELECT', 1000]);
  check('rows', found.rows.every((row, n) => row.id === ids[n]), true);
  check('a row', found.rows[0]);
  const repeated = "SELECT 1 AS a, 'b' AS a, NULL AS c";
  const arrays = await client.query({ text: repeated, rowMode: 'array' });
  check('rows as arrays', arrays.rows, [[1, 'b', null]]);
  const both = "SELECT 1 AS one; SELECT 'two' AS two, 2.5::double precision AS n";
  const several = await client.query(both);
  const expected = [[{ one: 1 }], [{ two: 'two', n: 2.5 }]];
  check('several statements', several.map((result) => result.rows), expected);
  const empty = await client.query('');
  check('an empty query', empty.rows, []);
}

async function types(client) {
  const { rows } = await client.query(`SELECT true AS bool, (-7)::smallint AS small,
    9007199254740993::bigint AS big,
    0.1::double precision AS double, 1.50::numeric(10, 2) AS numeric, 'é'::varchar AS text,
    '\\xFF'::bytea AS bytes,
    '2024-02-29 12:34:56.789+00'::timestamptz AS moment, '{"a": [1, null]}'::json AS json,
    ARRAY[1, NULL, 3]::integer[] AS integers, ARRAY['a', NULL, 'c,"d']::text[] AS texts`);
  const expected = {
    bool: true, small: -7, big: '9007199254740993', double: 0.1, numeric: '1.50', text: 'é',
    bytes: Buffer.from([255]),
    moment: new Date('2024-02-29T12:34:56.789Z'), json: { a: [1, null] }, integers: [1, null, 3],
    texts: ['a', null, 'c,"d'],
  };
  for (const [name, value] of Object.entries(expected)) check(name, rows[0][name], value);
}

async function parameters(client) {
  const day = new Date(2024, 1, 29);
  const { rows } = await client.query(
    `SELECT $1::integer AS i, $2::text AS t, $3::varchar AS n, $4::date AS d,
     $5::integer[] AS a, $6::boolean AS b,
     $7::double precision AS f, $8::bytea AS x, $9::json AS j, $10::text[] AS s`,
    [7, 'é"\\', null, day, [1, null, 3], true, 0.1, Buffer.from([0, 255]), { a: 1 },
      ['b', null, 'c,"d']],
  );
  const expected = {
    i: 7, t: 'é"\\', n: null, d: day, a: [1, null, 3], b: true, f: 0.1, x: Buffer.from([0, 255]),
    j: { a: 1 },
    s: ['b', null, 'c,"d'],
  };
  check('parameters', rows[0], expected);
  for (const [condition, value, n] of [
    ['id <= $1', 10, '10'], ['price > $1', 200000.5, '1000'], ['zipcode <> $1', 'none', '1000'],
    ['sold >= $1', '2020-01-01', '1000'], ['id = ANY($1::bigint[])', [1, 2, 3], '3'],
  ]) {
    const counting = `SELECT count(*) AS n FROM ${table} WHERE ${condition}`;
    const found = await client.query(counting, [value]);
    check(`count where ${condition}`, found.rows[0].n, n);
  }
}

async function prepared(client) {
  for (const id of [1, 500, 1000]) {
    const query = { name: 'house', text: `SELECT id FROM ${table} WHERE id = $1`, values: [id] };
    check('prepared', (await client.query(query)).rows, [{ id: String(id) }]);
  }
}

async function cursors(client) {
  const cursor = client.query(new Cursor(`SELECT id FROM ${table} WHERE id > $1 ORDER BY id`, [0]));
  const sizes = [];
  for (let rows = await cursor.read(100); rows.length; rows = await cursor.read(100)) {
    sizes.push(rows.length);
  }
  check('cursor', sizes, Array(10).fill(100));
  await cursor.close();
  const left = client.query(new Cursor(`SELECT id FROM ${table} ORDER BY id`));
  check('some rows', (await left.read(10)).map((row) => row.id), ids.slice(0, 10));
  await left.close();
  check('works after it is closed', (await client.query('SELECT 1 AS a')).rows, [{ a: 1 }]);
  const streamed = [];
  const everything = `SELECT id FROM ${table} ORDER BY id`;
  const stream = client.query(new QueryStream(everything, [], { batchSize: 100 }));
  for await (const row of stream) streamed.push(row.id);
  check('stream', streamed.length === 1000 && streamed.every((id, n) => id === ids[n]), true);
}

// The client sends the queries without waiting for the responses.
async function pipeline(client) {
  const numbers = Array.from({ length: 10 }, (_, n) => n);
  const found = await Promise.all(numbers.map((n) => client.query('SELECT $1::integer AS n', [n])));
  check('ten at once', found.map((result) => result.rows[0].n), numbers);
  const three = ['SELECT 1', unknown, 'SELECT 2'];
  const settled = await Promise.allSettled(three.map((sql) => client.query(sql)));
  const statuses = settled.map((one) => one.status);
  check('one of them fails', statuses, ['fulfilled', 'rejected', 'fulfilled']);
  const pool = new Pool({ ...options, max: 5 });
  const shared = await Promise.all(numbers.map((n) => pool.query('SELECT $1::integer AS n', [n])));
  check('ten from a pool', shared.map((result) => result.rows[0].n), numbers);
  await pool.end();
}

async function transactions(client) {
  await client.query('CREATE TEMP TABLE kept (id integer, name varchar)');
  await client.query('BEGIN');
  const insert = 'INSERT INTO kept VALUES ($1, $2), ($3, $4)';
  const inserted = await client.query(insert, [1, 'a', 2, null]);
  check('inserted', [inserted.command, inserted.rowCount], ['INSERT', 2]);
  await client.query('ROLLBACK');
  const returned = await client.query('INSERT INTO kept VALUES ($1, $2) RETURNING id', [3, 'c']);
  check('returned', returned.rows, [{ id: 3 }]);
  await client.query('BEGIN');
  await rejects(client.query(unknown), { code: '42P01' });
  await rejects(client.query('SELECT 1'), { code: '25P02' });
  await client.query('ROLLBACK');
  check('kept', (await client.query('SELECT * FROM kept')).rows, [{ id: 3, name: 'c' }]);
}

async function failures(client) {
  for (const [query, code] of [
    [unknown, '42P01'], ['SELEC 1', '42601'], [`SELECT no_such_column FROM ${table}`, '42703'],
    [`INSERT INTO ${table} (id, price) VALUES (1, 1)`, '23505'],
  ]) {
    for (const values of [undefined, []]) {
      const running = client.query({ text: query, values });
      const error = await running.then(() => ({}), (failed) => failed);
      check(query, [error.code, error.severity], [code, 'ERROR']);
    }
  }
  check('works after', (await client.query('SELECT 1 AS a')).rows, [{ a: 1 }]);
}

async function main() {
  const sections = [
    queries, types, parameters, prepared, cursors, pipeline, transactions, failures,
  ];
  for (const section of sections) {
    const client = new Client({ ...options, pipeline: section === pipeline });
    try {
      await client.connect();
      await section(client);
    } catch (error) {
      process.exitCode = 1;
      console.error(`${section.name} failed:`, error);
    } finally {
      await client.end();
    }
  }
}

main();
