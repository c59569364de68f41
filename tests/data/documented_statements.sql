SET TimeZone = 'UTC'
;
CREATE TABLE items (
  id INTEGER PRIMARY KEY,
  kind VARCHAR,
  price DOUBLE,
  qty INTEGER,
  sold DATE
)
;
INSERT INTO items VALUES
  (1, 'pen', 1.5, 10, DATE '2024-01-05'),
  (2, 'pen', 2.5, 4, DATE '2024-01-17'),
  (3, 'ink', 7.25, 3, DATE '2024-02-02'),
  (4, 'ink', 3.0, NULL, DATE '2024-02-29'),
  (5, 'pad', 12.0, 1, DATE '2024-03-11'),
  (6, 'pad', NULL, 6, NULL),
  (7, 'cup', 5.75, 2, DATE '2024-03-30'),
  (8, 'cup', 4.0, 9, DATE '2024-04-01')
;
CREATE TABLE shops (shop_id INTEGER, city TEXT, item_id INTEGER, parent INTEGER)
;
INSERT INTO shops (shop_id, city, item_id, parent) VALUES (1, 'Bergen', 1, NULL), (2, 'Århus', 3, 1), (3, 'Łódź', 3, 1), (4, '京都', 5, 2), (5, NULL, 99, 2)
;
CREATE TABLE readings AS SELECT i::INTEGER AS n, (i * 1.25)::DOUBLE AS level, TIMESTAMP '2024-05-01 08:00:00' + to_minutes(i * 15) AS taken FROM range(6) r(i)
;
CREATE TABLE tags (item_id INTEGER, labels VARCHAR[], extra STRUCT(w DOUBLE, note VARCHAR), attrs MAP(VARCHAR, INTEGER))
;
INSERT INTO tags VALUES
  (1, ['red', 'blue'], {'w': 0.5, 'note': 'thin'}, MAP {'a': 1, 'b': 2}),
  (2, [], {'w': 1.5, 'note': NULL}, MAP {}),
  (3, ['blue', NULL, 'green'], NULL, MAP {'c': 3})
;
SELECT {p}
;
SELECT {p} AS x
;
SELECT {p} x
;
SELECT {p} AS "Quoted Name", 1 AS one
;
SELECT 1, {p}, 'three'
;
SELECT({p})
;
SELECT (({p}))
;
SELECT 1+{p}
;
SELECT 10-{p}*2
;
SELECT -{p}
;
SELECT {p}/2, {pairs: 1}
;
SELECT 7%{p} AS rest
;
SELECT 2**{p}
;
SELECT 2^{p} AS power
;
SELECT abs({p}-10)
;
SELECT round({p}/7, 3)
;
SELECT sqrt({p}+6),ln(1)
;
SELECT greatest(1,{p},2)
;
SELECT least({p},9)
;
SELECT coalesce(NULL,{p})
;
SELECT nullif({p}, 4)
;
SELECT ifnull(NULL, {p}) AS v
;
SELECT CASE WHEN {p} > 2 THEN 'big' ELSE 'small' END
;
SELECT CASE {p} WHEN 3 THEN 'three' WHEN 4 THEN 'four' END AS word
;
SELECT CASE WHEN price > 5 THEN {p} ELSE price END AS capped FROM items ORDER BY id
;
SELECT CASE WHEN price > 5 THEN price ELSE {p} END FROM items ORDER BY id
;
SELECT if(true, {p}, 0)
;
SELECT CAST({p} AS INTEGER)
;
SELECT {p}::INTEGER
;
SELECT ({p})::DECIMAL(9, 2) AS money
;
SELECT TRY_CAST({p} AS VARCHAR)
;
SELECT {p}::VARCHAR || ' units'
;
SELECT 'v='||{p}
;
SELECT typeof({p})
;
SELECT {p} IS NULL, 1 IS NOT NULL
;
SELECT {p} IS DISTINCT FROM 4
;
SELECT {p} IS NOT DISTINCT FROM NULL
;
SELECT NOT {p} > 2
;
SELECT {p} BETWEEN 2 AND 4
;
SELECT 3 BETWEEN {p} AND 10 AS inside
;
SELECT id FROM items WHERE price BETWEEN 1 AND {p} ORDER BY id
;
SELECT id FROM items WHERE price NOT BETWEEN {p}-1 AND 5 ORDER BY id
;
SELECT {p} IN (1, 2, 3)
;
SELECT 3 IN (1,{p},5)
;
SELECT id FROM items WHERE price IN ({p}, 12.0) ORDER BY id
;
SELECT id FROM items WHERE price NOT IN (4.0,{p}) ORDER BY id
;
SELECT id FROM items WHERE price>{p} ORDER BY id
;
SELECT id FROM items WHERE price = {p}
;
SELECT id
FROM items
WHERE
  kind = 'ink'
  AND price >= {p}
ORDER BY
  id
;
SELECT id, kind FROM items WHERE (price<{p} OR qty IS NULL) AND kind <> 'cup' ORDER BY id
;
SELECT
  id,
  price
    * {p}
    AS scaled,
  kind
FROM items
ORDER BY id
;
SELECT -- the first item
  {p} -- and what follows
  AS x
;
SELECT /* here it comes: */ {p} /* there it was */
;
SELECT /* outer /* inner */ outer again */ {p} AS x
;
/* a block before */ SELECT {p}
;
-- a line before
SELECT {p}
;
SELECT {p} -- the end
;
SELECT 'a;b' AS s, {p} AS x, $$don't; stop$$ AS d
;
SELECT $tag$ two $$ inside $tag$, {p}
;
SELECT E'tab\there\'s', {p} AS x
;
SELECT 'it''s', {p}, "kind" FROM items WHERE id = 1
;
SELECT 'Ünïcødé 🦆', {p} AS größe, '京都' AS 都市
;
SELECT {p} AS "a ""quoted"" name"
;
	SELECT	{p}	AS	tabbed
;
select {p} as lower_case from items where id = 1
;
SeLeCt {p} aS MixedCase FrOm items WhErE id = 2
;
SELECT x: {p}
;
SELECT x:{p}, y: x + 1
;
SELECT total: price + {p}, id FROM i: items ORDER BY id
;
SELECT {p} AS a, a + 1 AS b, a * b AS c
;
SELECT price + {p} AS raised FROM items WHERE raised > 8 ORDER BY raised
;
FROM items SELECT id, {p} AS x ORDER BY id
;
FROM items SELECT sum(price * {p})
;
FROM items WHERE price < {p} ORDER BY id
;
FROM (SELECT {p} AS x)
;
FROM (SELECT {p} AS x) AS sub SELECT sub.x * 2
;
SELECT id, {p}, FROM items ORDER BY id
;
SELECT {p}, kind FROM items GROUP BY ALL ORDER BY kind
;
SELECT kind, sum(price) + {p} AS s FROM items GROUP BY kind ORDER BY kind
;
SELECT kind, sum({p}) FROM items GROUP BY kind ORDER BY kind
;
SELECT kind, avg(price-{p}) AS gap FROM items GROUP BY ALL ORDER BY ALL
;
SELECT price > {p} AS dear, count(*) FROM items GROUP BY dear ORDER BY dear
;
SELECT floor(price / {p}) AS bucket, count(*) AS n FROM items GROUP BY 1 ORDER BY 1 NULLS LAST
;
SELECT count(*) AS n FROM items GROUP BY price > {p} ORDER BY n
;
SELECT kind, max(price) FROM items GROUP BY kind HAVING max(price) > {p} ORDER BY kind
;
SELECT kind FROM items GROUP BY kind HAVING sum(qty)>{p}*2 ORDER BY kind
;
SELECT kind, sum(price + {p}) AS s FROM items GROUP BY ROLLUP (kind) ORDER BY kind NULLS FIRST
;
SELECT kind, qty > 4 AS many, max({p}) FROM items GROUP BY CUBE (kind, many) ORDER BY ALL
;
SELECT kind, id % 2 AS odd, count(*) * {p} AS c FROM items GROUP BY GROUPING SETS ((kind), (odd), ()) ORDER BY ALL
;
SELECT max({p}), min(price), count(qty) FROM items
;
SELECT list({p} ORDER BY id) FROM items
;
SELECT list(id ORDER BY abs(price-{p}), id) FROM items WHERE price IS NOT NULL
;
SELECT string_agg(kind, '/' ORDER BY price * {p} DESC NULLS LAST, id) FROM items
;
SELECT count(DISTINCT price > {p}) FROM items
;
SELECT sum(qty) FILTER (WHERE price > {p}) AS dear_qty FROM items
;
SELECT count(*) FILTER (price <= {p}), count(*) FROM items
;
SELECT sum({p}) FILTER (WHERE kind = 'pen') FROM items
;
SELECT arg_max(kind, price + {p}), arg_min(id, abs(price - 4)) FROM items
;
SELECT first(price + {p} ORDER BY id) FROM items
;
SELECT median(price + {p}) FROM items
;
SELECT quantile_cont(price * {p}, 0.5) FROM items
;
SELECT bool_and(price < {p} * 10), bool_or(price IS NULL) FROM items
;
SELECT id FROM items ORDER BY abs(price - {p}) NULLS LAST, id
;
SELECT id FROM items ORDER BY price * {p} DESC NULLS FIRST, id LIMIT 3
;
SELECT id, price FROM items ORDER BY CASE WHEN price < {p} THEN 0 ELSE 1 END, id OFFSET 2
;
SELECT {p} + id AS k FROM items ORDER BY k DESC LIMIT 2 OFFSET 1
;
SELECT DISTINCT {p} FROM items
;
SELECT DISTINCT kind, {p} AS x FROM items ORDER BY kind
;
SELECT DISTINCT ON (price > {p}) id, kind FROM items ORDER BY id
;
SELECT DISTINCT ON (kind) kind, price, {p} AS x FROM items ORDER BY kind, price
;
SELECT id, row_number() OVER (ORDER BY price * {p} NULLS LAST, id) AS rn FROM items ORDER BY id
;
SELECT id, sum(price) OVER (PARTITION BY price > {p} ORDER BY id) AS running FROM items ORDER BY id
;
SELECT id, sum({p}) OVER (ORDER BY id) FROM items ORDER BY id
;
SELECT id, lag(price, 1, {p}) OVER (ORDER BY id) FROM items ORDER BY id
;
SELECT id, lead(qty, {p}::INTEGER) OVER (ORDER BY id) FROM items ORDER BY id
;
SELECT id, ntile({p}::BIGINT) OVER (ORDER BY id) AS third FROM items ORDER BY id
;
SELECT row_number(ORDER BY price - {p} DESC NULLS LAST, id) OVER (ORDER BY id) AS rn FROM items ORDER BY id
;
SELECT id, nth_value(id, {p}::BIGINT) OVER (ORDER BY id) AS nth FROM items ORDER BY id
;
SELECT id, sum(qty) OVER (ORDER BY id ROWS BETWEEN {p}::BIGINT PRECEDING AND CURRENT ROW) FROM items ORDER BY id
;
SELECT n, sum(level) OVER (ORDER BY level RANGE BETWEEN {p} PRECEDING AND 1 FOLLOWING) FROM readings ORDER BY n
;
SELECT n, sum(level) OVER (ORDER BY level RANGE BETWEEN {p} PRECEDING AND CURRENT ROW) AS near FROM readings ORDER BY n
;
SELECT n, count(*) OVER w AS c, avg(level + {p}) OVER w AS a FROM readings WINDOW w AS (ORDER BY n ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) ORDER BY n
;
SELECT n, max(level) OVER w FROM readings WINDOW w AS (PARTITION BY level < {p} ORDER BY n) ORDER BY n
;
SELECT id, first_value(price IGNORE NULLS) OVER (ORDER BY price - {p} DESC NULLS LAST, id) FROM items ORDER BY id
;
SELECT id, sum(price) FILTER (WHERE price <> {p}) OVER (ORDER BY id) FROM items ORDER BY id
;
SELECT id, price FROM items QUALIFY row_number() OVER (ORDER BY id) < {p} ORDER BY id
;
SELECT id, kind, rank() OVER (PARTITION BY kind ORDER BY price) AS r FROM items WHERE price IS NOT NULL QUALIFY r * {p} <= 3 ORDER BY id
;
SELECT kind FROM items QUALIFY sum(price) OVER (PARTITION BY kind)>{p}*3 ORDER BY id
;
SELECT i.id, s.city FROM items i JOIN shops s ON i.id = s.item_id AND i.price > {p} ORDER BY i.id, s.shop_id
;
SELECT i.id, s.shop_id FROM items i LEFT JOIN shops s ON (i.id = s.item_id AND s.shop_id<{p}) ORDER BY ALL
;
SELECT i.id, s.shop_id FROM items i RIGHT JOIN shops s ON i.id = s.item_id AND i.price >= {p} ORDER BY s.shop_id, i.id
;
SELECT i.id, s.shop_id FROM items i FULL OUTER JOIN shops s ON i.id = s.item_id + {p} ORDER BY ALL NULLS LAST
;
SELECT a.id, b.id FROM items a JOIN items b ON a.price * {p} < b.price ORDER BY 1, 2
;
SELECT shop_id, {p} AS x FROM shops JOIN tags USING (item_id) ORDER BY shop_id
;
SELECT i.id FROM items i SEMI JOIN shops s ON i.id = s.item_id AND i.id < {p} + 1 ORDER BY i.id
;
SELECT i.id FROM items i ANTI JOIN shops s ON i.id = s.item_id OR i.price = {p} ORDER BY i.id
;
SELECT i.id, s.shop_id, {p} AS x FROM items i CROSS JOIN shops s WHERE i.id <= 2 AND s.shop_id <= 2 ORDER BY ALL
;
SELECT i.id, r.n FROM items i ASOF JOIN (SELECT n, level + {p} AS level FROM readings) r ON i.price >= r.level ORDER BY i.id
;
SELECT * FROM (SELECT id FROM items WHERE id < {p} ORDER BY id) POSITIONAL JOIN (SELECT 'x' AS letter) ORDER BY 1
;
SELECT i.id FROM items i, shops s WHERE i.id = s.item_id AND i.price > {p} ORDER BY i.id, s.shop_id
;
SELECT * FROM shops NATURAL JOIN (SELECT item_id, {p} AS x FROM tags) ORDER BY shop_id
;
SELECT (SELECT {p})
;
SELECT (SELECT max(price) FROM items WHERE price < {p}) AS best
;
SELECT id, (SELECT count(*) FROM items b WHERE b.price < a.price * {p}) AS below FROM items a ORDER BY id
;
SELECT id FROM items WHERE price > (SELECT avg(price) - {p} FROM items) ORDER BY id
;
SELECT EXISTS (SELECT 1 FROM items WHERE price = {p})
;
SELECT id FROM items i WHERE EXISTS (SELECT 1 FROM shops s WHERE s.item_id = i.id AND s.shop_id < {p}) ORDER BY id
;
SELECT id FROM items i WHERE NOT EXISTS (FROM shops s WHERE s.item_id = i.id AND i.price > {p}) ORDER BY id
;
SELECT id FROM items WHERE price IN (SELECT {p}) ORDER BY id
;
SELECT id FROM items WHERE id NOT IN (SELECT item_id FROM shops WHERE shop_id <= {p}) ORDER BY id
;
SELECT {p} IN (SELECT price FROM items WHERE price IS NOT NULL)
;
SELECT id FROM items WHERE price > ALL (SELECT {p} UNION SELECT 4) ORDER BY id
;
SELECT {p} = ANY (SELECT price FROM items WHERE price IS NOT NULL)
;
SELECT ARRAY(SELECT price + {p} FROM items ORDER BY id)
;
SELECT sub.x FROM (SELECT {p} AS x, 1 AS y) sub
;
SELECT * FROM (SELECT id, price / {p} AS share FROM items) WHERE share > 1 ORDER BY id
;
SELECT * FROM (SELECT * FROM (SELECT {p} AS deep) AS inner_one) AS outer_one
;
WITH c AS (SELECT {p} AS x) SELECT x + 1 FROM c
;
WITH c(x, y) AS (SELECT {p}, 2), d AS (FROM c) SELECT d.x, c.y FROM c, d
;
WITH c AS MATERIALIZED (SELECT id, price * {p} AS v FROM items) SELECT sum(v) FROM c
;
WITH c AS NOT MATERIALIZED (SELECT id FROM items WHERE price > {p}) SELECT a.id FROM c a JOIN c b USING (id) ORDER BY a.id
;
WITH c AS (SELECT 1 AS one) SELECT one, {p} FROM c
;
WITH RECURSIVE r(n) AS (SELECT {p} UNION ALL SELECT n + 1 FROM r WHERE n < 6) SELECT n FROM r ORDER BY n
;
WITH RECURSIVE r(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM r WHERE n < {p}) SELECT n FROM r ORDER BY n
;
WITH RECURSIVE r AS (SELECT 1::DOUBLE AS n UNION SELECT n * {p} FROM r WHERE n < 20) SELECT n FROM r ORDER BY n
;
WITH RECURSIVE k(a, b) USING KEY (a) AS (
  SELECT 1, {p}
  UNION
  SELECT a + 1, b * 2 FROM k WHERE a < 3
)
SELECT * FROM k ORDER BY a
;
SELECT {p} UNION SELECT 4 ORDER BY 1
;
SELECT id::DOUBLE AS v FROM items UNION SELECT {p} ORDER BY v
;
SELECT 3.0::DOUBLE AS v UNION ALL SELECT {p} ORDER BY v
;
SELECT price FROM items INTERSECT SELECT {p}
;
SELECT price FROM items WHERE price IS NOT NULL EXCEPT SELECT {p} ORDER BY price
;
SELECT price FROM items EXCEPT ALL (SELECT {p}) ORDER BY price NULLS LAST
;
SELECT 1 AS a, {p} AS b UNION BY NAME SELECT 5 AS b, 6 AS c ORDER BY b
;
(SELECT {p} AS v) UNION ALL (SELECT 2) ORDER BY v
;
VALUES ({p})
;
VALUES (1, {p}), (2, 5)
;
VALUES (1,2),(3,{p})
;
SELECT * FROM (VALUES ('a', {p}), ('b', 4)) AS v(name, num) ORDER BY name
;
SELECT [{p}]
;
SELECT [1,{p},5]
;
SELECT [{p}, 4, 5][1]
;
SELECT ([10, 20, 30, 40])[{p}::INTEGER]
;
SELECT 'documented'[{p}::BIGINT:5]
;
SELECT [1, 2, 3, 4, 5][2:{p}::BIGINT]
;
SELECT {'a': {p}}
;
SELECT {'a':{p},'b':'text'}.a
;
SELECT struct_pack(w := {p}, note := 'n')
;
SELECT row({p}, 'x')
;
SELECT ({p}, 'tuple') AS t
;
SELECT struct_insert({'a': 1}, b := {p})
;
SELECT extra.w * {p} FROM tags ORDER BY item_id
;
SELECT MAP {'k': {p}}
;
SELECT MAP {'k':1,'m':{p}}['m']
;
SELECT map([1, 2], [{p}, 7])
;
SELECT map_from_entries([('a', {p}), ('b', 2)])
;
SELECT union_value(num := {p})
;
SELECT [{'x': {p}, 'y': [1, 2]}]
;
SELECT list_value(1, {p}, NULL)
;
SELECT list_transform([1, 2, 3], lambda x: x + {p})
;
SELECT list_transform([1, 2, 3], lambda x:{p}*x)
;
SELECT list_filter([1, 2, 3, 4, 5], lambda x: x > {p})
;
SELECT list_reduce([1.0, 2.0, 3.0], lambda a, b: a * b + {p})
;
SELECT list_transform([5, 6], lambda x, i: x * i - {p})
;
SELECT [x + {p} FOR x IN [1, 2, 3]]
;
SELECT [x FOR x IN [1, 2, 3, 4, 5] IF x >= {p}]
;
SELECT item_id, list_transform(labels, lambda l: l || {p}::INTEGER::VARCHAR) FROM tags ORDER BY item_id
;
SELECT list_transform([[1, 2], [3]], lambda l: list_transform(l, lambda x: x * {p}))
;
SELECT apply([id, qty], lambda v: v + price + {p}) FROM items ORDER BY id
;
SELECT list_contains([1, 2, 3], {p})
;
SELECT list_position([1.0, 3.0], {p})
;
SELECT list_append([1.0, 2.0], {p})
;
SELECT [4.0, {p}, 9.0].list_sort()
;
SELECT [1, 2].list_transform(lambda x: x - {p}).list_sum()
;
SELECT unnest([{p}, 4.0]) AS u ORDER BY u
;
SELECT id, unnest([price, {p}]) AS u FROM items WHERE id <= 2 ORDER BY id, u
;
SELECT range({p}::BIGINT)
;
SELECT generate_series(1, {p}::BIGINT, 1)
;
SELECT sum(u) FROM (SELECT unnest(range({p}::BIGINT + 2)) AS u)
;
SELECT repeat('ab', {p}::BIGINT)
;
SELECT lpad('7', {p}::INTEGER, '0')
;
SELECT left(kind, {p}::BIGINT - 1) FROM items ORDER BY id
;
SELECT substring('documented' FROM 2 FOR {p}::INTEGER)
;
SELECT format('{:.2f} and {}', {p}, 'more')
;
SELECT printf('%.1f', {p})
;
SELECT concat('a', {p}, 'b')
;
SELECT concat_ws('-', 1, {p}, NULL, 2)
;
SELECT to_json({'v': {p}})
;
SELECT json_object('v', {p}, 'w', [1, 2])
;
SELECT json_array(1, {p}, 'x')
;
SELECT DATE '2024-01-31' + to_days({p}::INTEGER)
;
SELECT TIMESTAMP '2024-01-01 00:00:00' + INTERVAL 1 HOUR * {p}::INTEGER
;
SELECT INTERVAL ({p}::INTEGER) DAY
;
SELECT date_add(sold, INTERVAL ({p}::INTEGER) MONTH) FROM items ORDER BY id
;
SELECT date_trunc('month', sold + {p}::INTEGER) FROM items WHERE sold IS NOT NULL ORDER BY id
;
SELECT 5 & {p}::INTEGER, 1 << 2
;
SELECT bit_count({p}::INTEGER)
;
SELECT 9 // {p}, 9 / 2
;
SELECT @ (1-{p})
;
SELECT sign({p}), trunc(2.7)
;
SELECT * EXCLUDE (sold), {p} AS x FROM items ORDER BY id
;
SELECT * REPLACE (price + {p} AS price) FROM items ORDER BY id
;
SELECT * EXCLUDE sold REPLACE (coalesce(price, {p}) AS price) RENAME (qty AS amount) FROM items ORDER BY id
;
SELECT COLUMNS('id|qty') + {p} FROM items ORDER BY id
;
SELECT COLUMNS(lambda c: c LIKE 'p%') FROM items WHERE price < {p} ORDER BY id
;
SELECT max(COLUMNS(['id', 'qty'])) + {p} FROM items
;
SELECT items.*, {p} FROM items WHERE items.id = 3
;
SELECT id FROM items WHERE COLUMNS(['id', 'price']) > {p} ORDER BY id
;
PIVOT (SELECT kind, id % 2 AS odd, price + {p} AS v FROM items) ON odd IN (0, 1) USING sum(v) GROUP BY kind ORDER BY kind
;
PIVOT (FROM items WHERE price > {p}) ON kind IN ('pen', 'ink', 'pad', 'cup') USING count(*) ORDER BY id
;
FROM (SELECT kind, price * {p} AS v FROM items) PIVOT (max(v) FOR kind IN ('pen', 'ink'))
;
PIVOT items ON kind IN ('pen', 'cup') USING sum(price * {p}) AS total GROUP BY sold ORDER BY sold NULLS FIRST
;
UNPIVOT (SELECT id, price + {p} AS a, qty::DOUBLE AS b FROM items) ON a, b INTO NAME which VALUE v ORDER BY id, which
;
SELECT * FROM (SELECT {p} AS a, 2.0::DOUBLE AS b) UNPIVOT (v FOR which IN (a, b)) ORDER BY which
;
UNPIVOT (SELECT 1 AS k, {p} AS x, 5.0::DOUBLE AS y) ON COLUMNS(* EXCLUDE k) INTO NAME n VALUE v ORDER BY n
;
CREATE TABLE log (id INTEGER, v DOUBLE, note VARCHAR DEFAULT 'none')
;
INSERT INTO log (id, v) VALUES (1, {p})
;
INSERT INTO log VALUES (2, {p}, 'two'), (3, 5, 'three')
;
INSERT INTO log (v,id) VALUES ({p},4)
;
INSERT INTO log SELECT id + 10, price + {p}, kind FROM items WHERE id <= 3
;
INSERT INTO log BY NAME SELECT {p} AS v, 20 AS id
;
INSERT INTO log BY NAME (SELECT 21 AS id, 'by name' AS note, 1 AS v WHERE 1 < {p})
;
INSERT INTO log BY POSITION SELECT 22, {p}, NULL
;
INSERT INTO log VALUES (30, {p}, 'r') RETURNING id, v
;
INSERT INTO log VALUES (31, 1, 'r') RETURNING v + {p} AS more, note
;
WITH src AS (SELECT 32 AS id, {p} AS v) INSERT INTO log SELECT id, v, 'cte' FROM src
;
INSERT INTO log WITH src AS (SELECT 33 AS id, {p} AS v) SELECT id, v, 'cte' FROM src
;
FROM log ORDER BY id
;
CREATE TABLE stock (id INTEGER PRIMARY KEY, amount DOUBLE, kind VARCHAR)
;
INSERT INTO stock VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 3, 'c')
;
INSERT INTO stock VALUES (1, {p}, 'z') ON CONFLICT DO NOTHING
;
INSERT INTO stock VALUES (1, 9, 'z') ON CONFLICT (id) DO UPDATE SET amount = amount + {p}
;
INSERT INTO stock VALUES (2, {p}, 'y') ON CONFLICT (id) DO UPDATE SET amount = EXCLUDED.amount * 2, kind = EXCLUDED.kind
;
INSERT INTO stock VALUES (3, 7, 'w') ON CONFLICT (id) DO UPDATE SET amount = EXCLUDED.amount WHERE stock.amount > {p}
;
INSERT OR REPLACE INTO stock VALUES (3, {p} + 0.5, 'c')
;
INSERT OR IGNORE INTO stock VALUES (3, {p}, 'ignored'), (4, 4, 'd')
;
SELECT * FROM stock ORDER BY id
;
UPDATE stock SET amount = {p} WHERE id = 4
;
UPDATE stock SET amount = amount*{p}, kind = upper(kind) WHERE id < 3
;
UPDATE stock SET kind = 'low' WHERE amount <= {p}
;
UPDATE stock SET amount = s.amt FROM (SELECT 1 AS id, {p} AS amt) s WHERE stock.id = s.id
;
UPDATE stock SET amount = (SELECT max(price) - {p} FROM items) WHERE id = 2
;
UPDATE stock SET amount = amount + 1 WHERE id = 3 RETURNING id, amount + {p}
;
FROM stock ORDER BY ALL
;
MERGE INTO stock USING (SELECT 1 AS id, {p} AS amount) AS src ON (stock.id = src.id) WHEN MATCHED THEN UPDATE SET amount = src.amount + 10 WHEN NOT MATCHED THEN INSERT VALUES (src.id, src.amount, 'm')
;
MERGE INTO stock USING (VALUES (2, 20.0), (5, 50.0)) AS src(id, amount) ON stock.id = src.id
WHEN MATCHED THEN UPDATE SET amount = src.amount + {p}
WHEN NOT MATCHED THEN INSERT (id, amount) VALUES (src.id, src.amount)
;
MERGE INTO stock USING (SELECT 6 AS id) src USING (id) WHEN NOT MATCHED THEN INSERT (id, amount, kind) VALUES (src.id, {p}, 'merged')
;
MERGE INTO stock USING (SELECT 6 AS id) src ON stock.id = src.id WHEN MATCHED AND stock.amount = {p} THEN DELETE
;
MERGE INTO stock USING (SELECT 7 AS id, 70.0::DOUBLE AS amount) src ON stock.id = src.id AND src.amount > {p} WHEN NOT MATCHED THEN INSERT (id, amount) VALUES (src.id, src.amount) RETURNING merge_action, id
;
FROM stock ORDER BY id
;
DELETE FROM stock WHERE amount = {p}
;
DELETE FROM stock WHERE id IN (SELECT 7 WHERE 1 < {p}) RETURNING id
;
DELETE FROM log USING (SELECT 30 AS id, {p} AS v) d WHERE log.id = d.id AND log.v = d.v
;
DELETE FROM log WHERE v > {p} + 6 RETURNING id * 2
;
FROM log SELECT count(*), sum(v)
;
COPY (SELECT {p} AS x) TO '__DIR__/one.csv' (HEADER, DELIMITER '|')
;
SELECT x FROM read_csv('__DIR__/one.csv', delim = '|')
;
COPY (SELECT id, price + {p} AS v FROM items ORDER BY id) TO '__DIR__/items.parquet' (FORMAT parquet)
;
SELECT sum(v) FROM '__DIR__/items.parquet'
;
COPY (FROM items WHERE price > {p} ORDER BY id) TO '__DIR__/dear.json' (FORMAT json, ARRAY true)
;
SELECT count(*), {p} FROM read_json('__DIR__/dear.json')
;
COPY items TO '__DIR__/items.csv' (HEADER true, NULLSTR 'NA', FORCE_QUOTE (kind))
;
CREATE TABLE items_again AS FROM items WITH NO DATA
;
COPY items_again FROM '__DIR__/items.csv' (HEADER true, NULLSTR 'NA')
;
COPY items (id, kind) TO '__DIR__/narrow.tsv' WITH (DELIMITER E'\t', HEADER false)
;
SELECT column0 + {p}, column1 FROM read_csv('__DIR__/narrow.tsv', header = false) ORDER BY 1
;
CREATE TABLE made AS SELECT {p} AS x, 'made' AS note
;
CREATE OR REPLACE TABLE made AS SELECT id, price * {p} AS x FROM items
;
CREATE TABLE IF NOT EXISTS made AS SELECT {p} AS never
;
CREATE TEMP TABLE made_temp AS (SELECT unnest([1.0, {p}, 5.0]) AS x)
;
CREATE TEMPORARY TABLE named(a, b) AS SELECT 1, {p}
;
CREATE TABLE empty_one AS SELECT {p} AS x WITH NO DATA
;
SELECT (SELECT sum(x) FROM made), (SELECT sum(x) FROM made_temp), (SELECT b FROM named), (SELECT count(*) FROM empty_one)
;
CREATE VIEW dear_items AS SELECT id, kind, price FROM items WHERE price > {p}
;
CREATE OR REPLACE VIEW raised(id, v) AS SELECT id, price + {p} FROM items
;
CREATE TEMP VIEW three AS VALUES ({p})
;
CREATE VIEW IF NOT EXISTS with_cte AS WITH c AS (SELECT {p} AS x) SELECT x + 1 AS y FROM c
;
SELECT (SELECT count(*) FROM dear_items), (SELECT max(v) FROM raised), (SELECT * FROM three), (SELECT y FROM with_cte)
;
SELECT * FROM dear_items WHERE price < 4 * {p} ORDER BY id
;
CREATE MACRO add_p(x) AS x + {p}
;
CREATE OR REPLACE MACRO between_p(x, upper_end := 10) AS x BETWEEN {p} AND upper_end
;
CREATE FUNCTION scaled_items(factor) AS TABLE SELECT id, price * factor + {p} AS v FROM items
;
CREATE TEMP MACRO p_or(x) AS CASE WHEN x IS NULL THEN {p} ELSE x END
;
SELECT add_p(1), between_p(5), between_p(5, upper_end := 4), p_or(NULL)
;
SELECT add_p({p})
;
FROM scaled_items(2) ORDER BY id
;
SET VARIABLE threshold = {p}
;
SELECT id FROM items WHERE price >= getvariable('threshold') ORDER BY id
;
BEGIN TRANSACTION
;
INSERT INTO log VALUES (40, {p}, 'in a transaction')
;
COMMIT
;
BEGIN
;
DELETE FROM log WHERE v < {p} + 100
;
ROLLBACK
;
SELECT count(*), max(v) FROM log
;
DESCRIBE SELECT {p} AS x, 'a' AS y
;
SUMMARIZE SELECT {p} AS x, id FROM items
;
SELECT count(*) FROM (SELECT id FROM items WHERE price > {p} USING SAMPLE 100%)
;
SELECT id, price FROM items WHERE price < {p} ORDER BY ALL DESC
;
SELECT 1_000 * {p}
;
SELECT{'a':1}.a+{p}AS glued
;
SELECT [{p},{'b':[1]}.b[1]]
;
SELECT (1)+({p})
;
SELECT 1<{p},2>=1
;
SELECT ( {p} )
;
SELECT {p}	,	'after a tab'
;
SELECT
{p}
,
1
;
SELECT 1 /* one */ + /* plus */ {p} -- three
-- and a whole line of comment; with a semicolon
FROM items
WHERE id = 1
;
SELECT (100).add({p})
;
SELECT 42 AS answer
;
SELECT 1, 2, 3,
;
SELECT DISTINCT kind FROM items ORDER BY kind
;
SELECT ALL kind FROM items ORDER BY id
;
TABLE shops ORDER BY shop_id
;
SELECT * FROM items ORDER BY price DESC NULLS LAST, id FETCH FIRST 2 ROWS ONLY
;
SELECT id FROM items ORDER BY id LIMIT 50%
;
SELECT i.id, s.city FROM items AS i INNER JOIN shops AS s ON i.id = s.item_id ORDER BY ALL
;
SELECT i.id, t.top FROM items i, LATERAL (SELECT max(price) AS top FROM items j WHERE j.kind = i.kind) t ORDER BY i.id
;
SELECT i.id, u.x FROM items i CROSS JOIN LATERAL (SELECT unnest([i.id, i.qty])) u(x) WHERE i.id < 3 ORDER BY ALL
;
SELECT r.n, e.ev FROM (VALUES (TIMESTAMP '2024-05-01 08:20:00', 'door'), (TIMESTAMP '2024-05-01 09:01:00', 'bell')) e(ts, ev) ASOF LEFT JOIN readings r ON e.ts >= r.taken ORDER BY r.n
;
SELECT e.label, r.level FROM (SELECT TIMESTAMP '2024-05-01 08:31:00' AS taken, 'x' AS label) e ASOF JOIN readings r USING (taken)
;
SELECT * FROM (SELECT unnest([1, 2, 3]) AS a) POSITIONAL JOIN (SELECT unnest(['x', 'y']) AS b) ORDER BY a
;
SELECT item_id FROM shops SEMI JOIN tags USING (item_id) ORDER BY item_id
;
SELECT id FROM items ANTI JOIN (SELECT item_id AS id FROM shops) USING (id) ORDER BY id
;
SELECT kind, qty, grouping(kind, qty) AS g, count(*) FROM items GROUP BY GROUPING SETS ((kind, qty), (kind), ()) ORDER BY ALL
;
SELECT list(id ORDER BY id) FROM (SELECT id FROM range(200) r(id) USING SAMPLE reservoir(4 ROWS) REPEATABLE (7))
;
SELECT count(*) FROM (SELECT * FROM range(1000) TABLESAMPLE 10 PERCENT (bernoulli, 377))
;
SELECT sum(range) FROM range(50) TABLESAMPLE reservoir(5 ROWS) REPEATABLE (3)
;
SELECT unnest([{'a': 1, 'b': 2}, {'a': 3, 'b': 4}], max_depth := 2)
;
SELECT unnest([[1, 2], [3]], recursive := true) AS v ORDER BY v
;
SELECT * FROM unnest(['x', 'y']) WITH ORDINALITY AS u(letter, pos) ORDER BY pos
;
WITH RECURSIVE tree(id, path) AS (SELECT shop_id, [shop_id] FROM shops WHERE parent IS NULL UNION ALL SELECT s.shop_id, list_append(path, s.shop_id) FROM shops s JOIN tree ON s.parent = tree.id) SELECT * FROM tree ORDER BY id
;
WITH RECURSIVE hops(node, cost) USING KEY (node) AS (SELECT 1, 0 UNION SELECT s.shop_id, cost + 1 FROM hops h JOIN shops s ON s.parent = h.node) FROM hops ORDER BY node
;
SELECT id, percent_rank() OVER w, cume_dist() OVER w, dense_rank() OVER w FROM items WINDOW w AS (ORDER BY kind) ORDER BY id
;
SELECT n, sum(n) OVER (ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE CURRENT ROW) FROM readings ORDER BY n
;
SELECT n, count(*) OVER (ORDER BY taken RANGE BETWEEN INTERVAL 30 MINUTES PRECEDING AND CURRENT ROW) FROM readings ORDER BY n
;
SELECT id, last_value(qty IGNORE NULLS) OVER (ORDER BY id GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM items ORDER BY id
;
SELECT 1 UNION ALL SELECT 1 UNION SELECT 2 ORDER BY 1
;
SELECT * FROM range(3) INTERSECT ALL SELECT 2
;
PREPARE find_item AS SELECT id, kind FROM items WHERE price > $1 AND kind <> $2 ORDER BY id
;
EXECUTE find_item(4.5, 'pad')
;
DEALLOCATE find_item
;
PREPARE named_find AS SELECT $low::INTEGER + $high::INTEGER
;
EXECUTE named_find(low := 2, high := 40)
;
DEALLOCATE PREPARE named_find
;
CREATE TYPE mood AS ENUM ('calm', 'glad', 'wild')
;
CREATE TYPE pair AS STRUCT(l INTEGER, r INTEGER)
;
CREATE TYPE whole AS BIGINT
;
SELECT 'glad'::mood > 'calm'::mood, enum_range(NULL::mood), enum_code('wild'::mood)
;
SELECT {'l': 1, 'r': 2}::pair, 7::whole
;
DROP TYPE pair
;
CREATE TABLE everything (b BOOLEAN, t TINYINT, s SMALLINT, i INTEGER, l BIGINT, h HUGEINT, ut UTINYINT, uh UHUGEINT, f FLOAT, d DOUBLE, de DECIMAL(18, 3), c CHAR(3), bl BLOB, bi BIT, u UUID, da DATE, ti TIME, ts TIMESTAMP, iv INTERVAL, fixed INTEGER[3], un UNION(num INTEGER, str VARCHAR), j JSON, m mood)
;
INSERT INTO everything VALUES (true, 1, -2, 3, 4, 170141183460469231731687303715884105727, 255, 5, 1.5, 2.5, 12.345, 'abc', '\x00\xFF'::BLOB, '1011', '12345678-1234-4abc-8def-1234567890ab', '1992-09-20', '11:30:00.5', '1992-09-20 11:30:00', INTERVAL '1 year 2 days', [1, 2, 3], 'text', '{"k": [1, 2]}', 'glad')
;
SELECT * FROM everything
;
SELECT union_tag(un), un.str, fixed[2], j->>'$.k[1]', bit_count(bi), octet_length(bl) FROM everything
;
SELECT DATE '2024-02-29', TIME '23:59:59.999', TIMESTAMP '2024-02-29 12:00:00', TIMESTAMP_S '2024-02-29 12:00:00', TIMESTAMP_MS '2024-02-29 12:00:00.123'
;
SELECT (TIMESTAMP_NS '2024-02-29 12:00:00.123456789')::VARCHAR, (TIMESTAMPTZ '2024-02-29 12:00:00+02')::VARCHAR, (TIMETZ '10:00:00+01')::VARCHAR
;
SELECT (TIMESTAMP '2024-07-01 12:00:00' AT TIME ZONE 'Europe/Oslo')::VARCHAR, 'infinity'::DATE::VARCHAR, 'epoch'::TIMESTAMP
;
SELECT INTERVAL 3 DAYS, INTERVAL '2' MONTH, INTERVAL (1 + 1) YEAR, '1 hour 5 minutes'::INTERVAL
;
SELECT '0101'::BIT, '0101'::BIT & '0011'::BIT, bitstring('11', 6), get_bit('100'::BIT, 0), ~'01'::BIT
;
SELECT '\xDE\xAD'::BLOB, 'plain'::BLOB, from_hex('4142'), encode('ü')
;
SELECT 0.1 + 0.2 = 0.3, 1e3, .5, 5., 1_000_000, 12_3.4_5
;
SELECT 3::VARIANT, typeof(NULL), NULL::INTEGER[], BIGNUM '99999999999999999999999999999999999999999'
;
SELECT 'a' COLLATE NOCASE = 'A', 'hällo' COLLATE NOACCENT = 'hallo', 'b' COLLATE NOCASE.NOACCENT > 'Á'
;
SELECT CAST('42' AS INTEGER), TRY_CAST('x' AS INTEGER), '7'::TINYINT, TRY(ln(-1))
;
SELECT true AND NULL, false AND NULL, true OR NULL, NOT NULL IS NULL
;
SELECT * LIKE 'p%' FROM items ORDER BY ALL
;
SELECT * RENAME (kind AS sort) FROM items WHERE id = 1
;
SELECT coalesce(*COLUMNS(['qty', 'id'])) FROM items ORDER BY id
;
SELECT COLUMNS('(.*)d$') AS 'prefix_\1' FROM items WHERE id = 1
;
SELECT extra.* FROM tags ORDER BY item_id
;
SELECT gcd(12, 18), lcm(4, 6), factorial(5), 5!, pi() > 3, cbrt(27), even(2.5), log2(8), 7 // 2, 7 % 4
;
SELECT upper('straße'), reverse('abc'), strip_accents('née'), length('🦆'), strlen('🦆'), unicode('ü'), chr(955), ascii('A')
;
SELECT string_split('a,b,c', ','), 'duck'.upper().reverse(), starts_with('abc', 'ab'), 'abc' ^@ 'ab', instr('abc', 'c'), trim('  x '), translate('abc', 'ab', 'xy')
;
SELECT position('b' IN 'abc'), overlay('abcd' PLACING 'XX' FROM 2 FOR 2), trim(LEADING 'x' FROM 'xxa'), extract('year' FROM DATE '2024-05-06'), levenshtein('duck', 'dock')
;
SELECT date_part('dow', DATE '2024-05-06'), strftime(DATE '2024-05-06', '%d.%m.%Y'), strptime('06.05.2024', '%d.%m.%Y'), date_diff('day', DATE '2024-01-01', DATE '2024-03-01'), last_day(DATE '2024-02-03'), make_date(2024, 5, 6), age(TIMESTAMP '2024-03-01', TIMESTAMP '2024-01-01')
;
SELECT list_concat([1], [2, 3]), list_distinct([1, 1]), list_zip([1, 2], ['a', 'b']), flatten([[1], [2]]), [1, 2] && [2], [1, 2, 3] @> [1], list_aggregate([1, 2, 3], 'sum'), list_slice([1, 2, 3, 4], 2, 3), array_cosine_similarity([1, 0]::FLOAT[2], [1, 0]::FLOAT[2])
;
SELECT [4, 5, 6][-1], [1, 2, 3, 4, 5][1:5:2], [1, 2, 3][:-2], 'string'[2], 'string'[:3], 'string'[-3:]
;
SELECT map_keys(attrs), map_values(attrs), cardinality(attrs), attrs['b'], element_at(attrs, 'c') FROM tags ORDER BY item_id
;
SELECT struct_extract({'a': 5}, 'a'), {'a': {'b': 7}}.a.b, {'a': 1, 'b': 2}['b'], struct_keys({'x': 1})
;
SELECT count(*), count(qty), sum(DISTINCT qty), any_value(kind ORDER BY id), mode(kind ORDER BY id), stddev_pop(id), approx_count_distinct(1), histogram(id % 2), product(id), max(id, 2), arg_min(id, price, 2), first(qty ORDER BY id DESC) FROM items
;
SELECT quantile_disc(id, 0.25), quantile_cont(id, [0.25, 0.75]), corr(id, id * 2), regr_slope(id, id), bit_or(id), kurtosis(id), list(DISTINCT kind ORDER BY kind), array_agg(qty ORDER BY id) FILTER (qty > 3) FROM items
;
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY id), mode() WITHIN GROUP (ORDER BY qty DESC) FROM items
;
SELECT regexp_matches('abc', '^a.c$'), regexp_extract('k=v', '(\w)=(\w)', ['key', 'val']), regexp_replace('a1b22', '\d+', '#', 'g'), regexp_split_to_array('a1b2c', '\d'), regexp_full_match('x', 'X', 'i')
;
SELECT 'abc' LIKE 'a_c', 'ABC' ILIKE 'a%', 'a%c' LIKE 'a$%c' ESCAPE '$', 'abc' NOT LIKE 'b%', 'abc' SIMILAR TO 'a(b|x)c', 'file.txt' GLOB '*.t?t', 'abc' ~ 'a.*', 'abc' !~~ 'b%'
;
SELECT '{"a": {"b": [1, 2]}}'::JSON -> 'a' ->> '$.b[0]', json_extract_string('{"x": "y"}', 'x'), json_array_length('[1, 2]'), json_type('{}'), json_keys('{"q": 1}'), json_valid('{'), json_merge_patch('{"a": 1}', '{"b": 2}')
;
SELECT from_json('{"a": 1, "b": ["x"]}', '{"a": "INTEGER", "b": ["VARCHAR"]}'), json_group_array(n) FROM (SELECT n FROM readings WHERE n = 2)
;
SELECT key, type, atom FROM json_each('{"a": 1, "b": null}') ORDER BY key
;
SELECT list_transform([1, 2], lambda x: list_filter([1, 2, 3], lambda y: y > x)), list_reduce(['a', 'b'], lambda acc, s: acc || s, 'z')
;
SELECT md5('duck'), sha256('duck'), hex('duck'), base64('duck'::BLOB), bar(5, 0, 10, 10), url_encode('a b'), hash('x') = hash('x')
;
SELECT * FROM generate_series(DATE '2024-01-01', DATE '2024-01-03', INTERVAL 1 DAY) g(d) ORDER BY d
;
SELECT * FROM query('SELECT id FROM items WHERE id < 3 ORDER BY id')
;
SELECT count(*) FROM query_table(['log', 'log'])
;
CREATE SCHEMA side
;
CREATE SCHEMA IF NOT EXISTS side
;
CREATE TABLE side.parts (id INTEGER UNIQUE NOT NULL, name VARCHAR COLLATE NOCASE, twice INTEGER GENERATED ALWAYS AS (id * 2) VIRTUAL, qty INTEGER DEFAULT 1 + 1 CHECK (qty > 0), CONSTRAINT named_pk PRIMARY KEY (id))
;
INSERT INTO side.parts (id, name, qty) VALUES (1, 'Bolt', 5), (2, 'nut', DEFAULT)
;
SELECT id, twice, qty FROM memory.side.parts WHERE name = 'BOLT'
;
CREATE TABLE side.uses (part INTEGER REFERENCES side.parts (id), n INTEGER)
;
CREATE INDEX part_name ON side.parts (name, (qty + 1))
;
CREATE UNIQUE INDEX IF NOT EXISTS uses_part ON side.uses (part)
;
DROP INDEX side.part_name
;
CREATE SEQUENCE serial START WITH 10 INCREMENT BY 5 MINVALUE 1 MAXVALUE 100 NO CYCLE
;
SELECT nextval('serial'), nextval('serial'), currval('serial')
;
CREATE TABLE numbered (k INTEGER DEFAULT nextval('serial'), v VARCHAR)
;
INSERT INTO numbered (v) VALUES ('a'), ('b') RETURNING k, v
;
DROP TABLE numbered
;
DROP SEQUENCE serial
;
CREATE OR REPLACE MACRO plus(a INTEGER, b INTEGER := 2) AS a + b
;
SELECT plus(1), plus(1, b := 5), plus(1, b => 6)
;
CREATE OR REPLACE MACRO area (r) AS r * r, (w, h) AS w * h
;
SELECT area(3), area(3, 4)
;
DROP MACRO area
;
COMMENT ON TABLE items IS 'what is sold'
;
COMMENT ON COLUMN items.qty IS $$how many; or none$$
;
SELECT comment FROM duckdb_columns() WHERE table_name = 'items' AND column_name = 'qty'
;
COMMENT ON TABLE items IS NULL
;
ALTER TABLE made ADD COLUMN flag BOOLEAN DEFAULT true
;
ALTER TABLE made ADD COLUMN IF NOT EXISTS flag BOOLEAN
;
ALTER TABLE made RENAME COLUMN flag TO marked
;
ALTER TABLE made ALTER COLUMN marked SET DATA TYPE VARCHAR USING CASE WHEN marked THEN 'yes' ELSE 'no' END
;
ALTER TABLE made ALTER marked SET DEFAULT 'maybe'
;
ALTER TABLE made ALTER marked DROP DEFAULT
;
ALTER TABLE made ALTER id SET NOT NULL
;
ALTER TABLE made ALTER id DROP NOT NULL
;
ALTER TABLE made ADD PRIMARY KEY (id)
;
ALTER TABLE made RENAME TO remade
;
ALTER TABLE IF EXISTS nowhere DROP COLUMN nothing
;
SELECT count(*), min(marked) FROM remade
;
CREATE TABLE nested (s STRUCT(a INTEGER, b STRUCT(c VARCHAR)))
;
INSERT INTO nested VALUES ({'a': 1, 'b': {'c': 'x'}})
;
ALTER TABLE nested ADD COLUMN s.b.d INTEGER
;
ALTER TABLE nested RENAME COLUMN s.a TO first_field
;
ALTER TABLE nested DROP COLUMN s.b.c
;
FROM nested
;
ALTER VIEW raised RENAME TO lifted
;
DROP VIEW lifted
;
DROP VIEW IF EXISTS lifted
;
TRUNCATE TABLE empty_one
;
ANALYZE
;
VACUUM ANALYZE items
;
CHECKPOINT
;
FORCE CHECKPOINT
;
CALL pragma_table_info('shops')
;
PRAGMA table_info('tags')
;
DESCRIBE items
;
DESC TABLE tags
;
SHOW shops
;
SUMMARIZE items
;
SHOW TABLES FROM side
;
SELECT name FROM (SHOW ALL TABLES) WHERE schema = 'side' ORDER BY name
;
EXPLAIN SELECT id FROM items WHERE price > 4
;
EXPLAIN (FORMAT json) SELECT kind, count(*) FROM items GROUP BY kind
;
SET threads = 2
;
SET SESSION default_null_order = 'nulls_last'
;
RESET default_null_order
;
RESET GLOBAL threads
;
SELECT current_setting('TimeZone')
;
SET VARIABLE ids = [1, 3]
;
SELECT kind FROM items WHERE id IN (FROM (SELECT unnest(getvariable('ids')))) ORDER BY id
;
RESET VARIABLE ids
;
ATTACH ':memory:' AS other
;
CREATE TABLE other.things AS SELECT 1 AS a
;
USE other
;
SELECT a FROM things
;
USE memory.main
;
ATTACH IF NOT EXISTS '__DIR__/kept.duckdb' AS kept
;
COPY FROM DATABASE other TO kept
;
SELECT a FROM kept.main.things
;
DETACH kept
;
ATTACH '__DIR__/kept.duckdb' AS kept (READ_ONLY)
;
FROM kept.things
;
DETACH DATABASE IF EXISTS kept
;
DETACH other
;
CREATE TABLE audited (id INTEGER)
;
CREATE TABLE audit (id INTEGER, what VARCHAR)
;
CREATE TRIGGER watch AFTER INSERT ON audited REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT INSERT INTO audit SELECT id, 'new' FROM fresh
;
INSERT INTO audited VALUES (1), (2)
;
FROM audit ORDER BY id
;
DROP TRIGGER watch ON audited
;
WITH gone AS (DELETE FROM audit WHERE id = 1 RETURNING id) SELECT id FROM gone
;
START TRANSACTION
;
ABORT
;
SELECT 'a'
  || 'b' AS joined
;
SELECT 'top' -- one
     , /* two /* three */ */ 'middle' --four
     --five
     , 'bottom'/**/
;
SELECT "größe", 名前, "select", "with space" FROM (SELECT 1 AS größe, 2 AS "名前", 3 AS "select", 4 AS "with space")
;
CREATE TABLE model (id INTEGER, model VARCHAR, weights DOUBLE[])
;
INSERT INTO model VALUES (1, 'small', [0.1, 0.2]), (2, 'large', [1.5]), (3, NULL, [])
;
SELECT model FROM model ORDER BY id
;
SELECT model.model, model.weights[1] FROM model ORDER BY model.id
;
SELECT model AS whole_row FROM (SELECT id FROM model) AS model ORDER BY 1
;
FROM model SELECT id, model ORDER BY model
;
FROM model WHERE model IS NULL
;
SELECT m.model || '!' AS predict FROM model m WHERE m.model IN ('small', 'large') ORDER BY predict
;
SELECT 1 AS model
;
SELECT 1 model
;
SELECT model: 1, predict: 2
;
SELECT 2 AS predict, predict + 1 AS evaluate
;
SELECT 'model' AS "model", 'PREDICT(MODEL m, TABLE t)' AS "predict"
;
SELECT $$DROP MODEL x; SELECT predict('m', 1)$$ AS training_info
;
SELECT 1 -- predict('m', 2)
;
SELECT /* evaluate(model) /* models */ weights */ 2
;
-- CREATE MODEL m AS SELECT 1
SELECT 3
;
SELECT E'weights\tmodel\'s'
;
CREATE TABLE models (name VARCHAR PRIMARY KEY, model_version INTEGER DEFAULT 1)
;
INSERT INTO models (name, model_version) VALUES ('a', 1), ('b', 2)
;
INSERT INTO models BY NAME SELECT 'c' AS name, 3 AS model_version
;
INSERT INTO models VALUES ('a', 7) ON CONFLICT (name) DO UPDATE SET model_version = EXCLUDED.model_version RETURNING name, model_version
;
SELECT name, max(model_version) OVER (ORDER BY name) FROM models ORDER BY name
;
UPDATE models SET model_version = model_version + 1 WHERE name = 'b'
;
SELECT model_version, count(*) AS models FROM models GROUP BY model_version HAVING model_version > 2 ORDER BY model_version
;
DELETE FROM models WHERE model_version = 7
;
MERGE INTO models USING (SELECT 'z' AS name, 9 AS model_version) predict ON models.name = predict.name WHEN NOT MATCHED THEN INSERT (name, model_version) VALUES (predict.name, predict.model_version)
;
DESCRIBE models
;
SUMMARIZE models
;
COMMENT ON TABLE models IS 'models of the user''s own'
;
ALTER TABLE models ADD COLUMN weights STRUCT(model DOUBLE)
;
ALTER TABLE models RENAME COLUMN weights TO feature_info
;
SELECT feature_info.model FROM models ORDER BY name
;
ALTER TABLE models DROP COLUMN feature_info
;
CREATE TABLE predict (evaluate INTEGER, "training_info" TEXT)
;
INSERT INTO predict (evaluate, training_info) VALUES (1, 'one'), (2, 'two')
;
INSERT INTO predict VALUES (3, 'three')
;
SELECT predict.evaluate FROM predict ORDER BY evaluate
;
SELECT evaluate, training_info FROM predict WHERE evaluate IN (1, 3) ORDER BY evaluate DESC
;
SELECT * FROM predict AS evaluate(predict, model) ORDER BY evaluate.predict
;
SELECT predict.* EXCLUDE (training_info) FROM predict JOIN model ON predict.evaluate = model.id ORDER BY ALL
;
SELECT p.evaluate FROM predict p SEMI JOIN (SELECT 2 AS evaluate) USING (evaluate)
;
COPY predict (evaluate) TO '__DIR__/predict.csv' (HEADER)
;
COPY predict (evaluate) FROM '__DIR__/predict.csv' (HEADER)
;
SELECT sum(evaluate) AS weights FROM '__DIR__/predict.csv'
;
CREATE INDEX model_version ON predict (evaluate)
;
DROP INDEX model_version
;
WITH predict(a) AS (SELECT 5) SELECT a FROM predict
;
WITH model AS (SELECT 1 AS id), models AS (SELECT 2 AS id) SELECT model.id, models.id FROM model, models
;
WITH RECURSIVE evaluate(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM evaluate WHERE n < 4) FROM evaluate ORDER BY n
;
SELECT * FROM (VALUES (1, 'x'), (2, 'y')) AS predict(model, weights) ORDER BY model
;
SELECT weights[1] + 1 AS w FROM model WHERE len(weights) > 0 ORDER BY w
;
SELECT unnest(weights) AS weights FROM model ORDER BY weights
;
SELECT list_transform(weights, lambda model: model * 2) FROM model ORDER BY id
;
SELECT [predict * 2 FOR predict IN [1, 2, 3]]
;
SELECT {'model': 1, 'weights': [2]}.weights[1], MAP {'predict': 3}['predict']
;
SELECT struct_pack(model := 1, predict := 2).predict
;
SELECT CASE WHEN model = 'small' THEN 0 ELSE 1 END AS model_version FROM model ORDER BY ALL
;
SELECT model IS NOT NULL AND model LIKE 's%' AS evaluate FROM model ORDER BY id
;
SELECT id, model NOT IN ('small') FROM model WHERE model BETWEEN 'a' AND 'z' ORDER BY id
;
SELECT model COLLATE NOCASE = 'SMALL' FROM model ORDER BY id
;
SELECT count(model), count(DISTINCT model), max(model) FILTER (WHERE id > 1) FROM model
;
SELECT upper(model), (model), -id FROM model ORDER BY model.id
;
SELECT * FROM model ORDER BY model, weights
;
SELECT * REPLACE (coalesce(model, 'none') AS model) RENAME (weights AS feature_info) FROM model ORDER BY id
;
SELECT COLUMNS('model|weights') FROM model WHERE id = 1
;
SELECT id FROM model WINDOW predict AS (ORDER BY id) QUALIFY row_number() OVER predict < 3 ORDER BY id
;
PIVOT model ON model IN ('small', 'large') USING count(*) ORDER BY id
;
UNPIVOT (SELECT 1 AS model, 2 AS predict) ON model, predict INTO NAME evaluate VALUE weights ORDER BY evaluate
;
SELECT model FROM model UNION SELECT 'extra' ORDER BY model
;
SELECT model.id FROM model WHERE EXISTS (SELECT 1 FROM models WHERE models.model_version = model.id) ORDER BY 1
;
CREATE VIEW training_info AS SELECT id, model FROM model
;
SELECT * FROM training_info ORDER BY id
;
ALTER VIEW training_info RENAME TO feature_info
;
CREATE OR REPLACE VIEW "models of mine" AS FROM feature_info WHERE id < 3
;
SELECT count(*) AS n FROM "models of mine"
;
DROP VIEW feature_info
;
DROP VIEW "models of mine"
;
CREATE MACRO model(x) AS x * 2
;
SELECT model(21), model(id) FROM model WHERE id = 1
;
DROP MACRO model
;
CREATE MACRO models(n) AS TABLE SELECT range AS model FROM range(n)
;
SELECT model FROM models(3) ORDER BY model
;
DROP MACRO TABLE models
;
CREATE SCHEMA weights
;
CREATE TABLE weights.model (weights INTEGER)
;
INSERT INTO weights.model VALUES (1), (2)
;
SELECT weights.model.weights FROM weights.model ORDER BY 1
;
CREATE MACRO weights.double_it(model) AS model + model
;
SELECT weights.double_it(4)
;
DROP SCHEMA weights CASCADE
;
CREATE TYPE model AS ENUM ('linear', 'tree')
;
SELECT 'tree'::model AS predict, CAST('linear' AS model)
;
DROP TYPE model
;
CREATE SEQUENCE model_version
;
SELECT nextval('model_version')
;
DROP SEQUENCE model_version
;
PREPARE predict AS SELECT $1::INTEGER + 1 AS evaluate
;
EXECUTE predict(4)
;
DEALLOCATE predict
;
PREPARE evaluate AS SELECT model FROM model WHERE id = ?
;
EXECUTE evaluate(2)
;
DEALLOCATE evaluate
;
SET VARIABLE model = 'small'
;
SELECT getvariable('model') AS model, id FROM model WHERE model = getvariable('model')
;
RESET VARIABLE model
;
ATTACH ':memory:' AS models
;
CREATE TABLE models.main.predict AS SELECT 8 AS weights
;
SELECT weights FROM models.main.predict
;
DETACH models
;
CREATE TEMP TABLE "Model" AS SELECT 1 AS "Predict", 2 AS "EVALUATE"
;
SELECT "Predict", "EVALUATE" FROM temp."Model"
;
DROP TABLE temp."Model"
;
BEGIN TRANSACTION
;
DROP TABLE predict
;
ROLLBACK
;
SELECT count(*) AS predict FROM predict
;
ALTER TABLE model RENAME TO "weights"
;
SELECT "weights".model FROM "weights" ORDER BY id
;
DROP TABLE IF EXISTS weights CASCADE
;
DROP TABLE predict
;
DROP TABLE models
;
