// Predicts from a file that duckml wrote: arguments are the file, the extension and the library of onnxruntime.
import { DuckDBInstance } from '@duckdb/node-api';

const [file, extension, runtime] = process.argv.slice(2);
const instance = await DuckDBInstance.create(file, { allow_unsigned_extensions: 'true' });
const con = await instance.connect();
await con.run(`LOAD '${extension}'`);
await con.run(`SELECT duckml_runtime('${runtime}')`);
const rows = await con.runAndReadAll('SELECT a, predict_house_price(h) FROM houses h ORDER BY a LIMIT 3');
for (const [a, price] of rows.getRows()) console.log(`${a} ${price}`);
con.closeSync();
instance.closeSync();
