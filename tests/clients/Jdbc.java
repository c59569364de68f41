import java.io.StringWriter;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.Date;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Timestamp;
import java.sql.Types;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Properties;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.postgresql.PGConnection;

/**
 * PostgreSQL's JDBC driver against a PostgreSQL server:
 *
 * <pre>java -cp postgresql.jar Jdbc.java HOST PORT DATABASE USER PASSWORD SCHEMA LONG</pre>
 *
 * where LONG is a query that takes long enough to be cancelled. Prints a JSON object for each
 * check. When a section fails, its error is printed, the other sections still run, and the exit
 * status is 1. checks.py documents the schema.
 */
public final class Jdbc {
    private static final int ROWS = 1000;
    private static final List<String> COLUMNS =
        List.of("id", "price", "sqft_living", "zipcode", "sold");
    private static final String UNKNOWN = "SELECT * FROM no_such_table";

    private final String url;
    private final Properties properties = new Properties();
    private final String schema;
    private final String table;
    private final String slow;

    private Jdbc(String[] args) {
        url = "jdbc:postgresql://%s:%s/%s".formatted(args[0], args[1], args[2]);
        properties.setProperty("user", args[3]);
        properties.setProperty("password", args[4]);
        schema = args[5];
        table = schema + ".house_prices";
        slow = args[6];
    }

    public static void main(String[] args) {
        var program = new Jdbc(args);
        var sections = new LinkedHashMap<String, Section>();
        sections.put("metadata", program::metadata);
        sections.put("constraints", program::constraints);
        sections.put("fetchSize", program::fetchSize);
        sections.put("prepared", program::prepared);
        sections.put("batch", program::batch);
        sections.put("transactions", program::transactions);
        sections.put("cancel", program::cancel);
        sections.put("failures", program::failures);
        sections.put("copy", program::copy);
        boolean failed = false;
        for (var section : sections.entrySet()) {
            try (var con = DriverManager.getConnection(program.url, program.properties)) {
                section.getValue().run(con);
            } catch (Exception | AssertionError error) {
                failed = true;
                System.err.println(section.getKey() + " failed:");
                error.printStackTrace();
            }
        }
        System.exit(failed ? 1 : 0);
    }

    private void metadata(Connection con) throws SQLException {
        var about = con.getMetaData();
        check("product", List.of(about.getDatabaseProductName(),
            about.getDatabaseProductVersion()));
        check("catalog", con.getCatalog());
        check("schema", con.getSchema(), schema);
        check("schemas", names(about.getSchemas(), "TABLE_SCHEM").contains(schema), true);
        check("catalogs", names(about.getCatalogs(), "TABLE_CAT").contains(con.getCatalog()), true);
        var kinds = names(about.getTableTypes(), "TABLE_TYPE");
        check("types of tables", kinds.containsAll(List.of("TABLE", "VIEW")), true);
        var tables = names(about.getTables(null, schema, "%", new String[] {"TABLE"}),
            "TABLE_NAME");
        check("tables", tables.contains("house_prices"), true);
        var views = about.getTables(null, schema, "val%", new String[] {"VIEW"});
        check("views", names(views, "TABLE_NAME"), List.of("valued"));
        var one = about.getTables(null, schema, "house_prices", null);
        check("one table", rows(one, "TABLE_NAME", "TABLE_TYPE"),
            List.of(List.of("house_prices", "TABLE")));
        var columns = about.getColumns(null, schema, "house_prices", "%");
        check("columns", rows(columns, "COLUMN_NAME", "TYPE_NAME", "DATA_TYPE", "NULLABLE"),
            List.of(
            List.of("id", "int8", Types.BIGINT, 0),
            List.of("price", "float8", Types.DOUBLE, 0),
            List.of("sqft_living", "int4", Types.INTEGER, 1),
            List.of("zipcode", "varchar", Types.VARCHAR, 1),
            List.of("sold", "date", Types.DATE, 1)));
        var ofView = about.getColumns(null, schema, "valued", null);
        check("columns of a view", names(ofView, "COLUMN_NAME"), List.of("id", "price"));
        var key = about.getPrimaryKeys(null, schema, "house_prices");
        check("primary key", rows(key, "COLUMN_NAME", "KEY_SEQ"), List.of(List.of("id", 1)));
        check("imported keys", names(about.getImportedKeys(null, schema, "house_prices"),
            "FKTABLE_NAME"), List.of());
        var indexes = about.getIndexInfo(null, schema, "house_prices", false, true);
        check("indexes", rows(indexes, "INDEX_NAME", "COLUMN_NAME", "NON_UNIQUE"));
        var functions = about.getFunctions(null, schema, "predict_%");
        check("functions", new java.util.TreeSet<>(names(functions, "FUNCTION_NAME")),
            new java.util.TreeSet<>(List.of("predict_house_price")));
        var arguments = about.getFunctionColumns(null, schema, "predict_house_price", "%");
        var named = names(arguments, "COLUMN_NAME");
        check("its columns", named.containsAll(List.of("returnValue", "sqft_living", "zipcode")),
            true);
        check("procedures", names(about.getProcedures(null, schema, "%"), "PROCEDURE_NAME"));
        var types = names(about.getTypeInfo(), "TYPE_NAME");
        var some = List.of("bool", "int4", "int8", "float8", "text", "varchar", "date",
            "timestamp", "numeric");
        check("types", types.containsAll(some), true);
        check("privileges", names(about.getTablePrivileges(null, schema, "house_prices"),
            "PRIVILEGE"));
    }

    /** Of tables made in a transaction, which is rolled back. */
    private void constraints(Connection con) throws SQLException {
        con.setAutoCommit(false);
        try (var statement = con.createStatement()) {
            statement.execute("CREATE TABLE %s.client_towns (id integer PRIMARY KEY, name varchar)"
                .formatted(schema));
            statement.execute("""
                CREATE TABLE %1$s.client_streets (
                    id integer PRIMARY KEY, town integer REFERENCES %1$s.client_towns (id),
                    length numeric(10, 2))
                """.formatted(schema));
            statement.execute("CREATE INDEX client_streets_town ON %s.client_streets (town)"
                .formatted(schema));
            statement.execute("COMMENT ON TABLE %s.client_streets IS 'Streets of towns'"
                .formatted(schema));
        }
        var about = con.getMetaData();
        String[] key = {"PKTABLE_NAME", "PKCOLUMN_NAME", "FKTABLE_NAME", "FKCOLUMN_NAME"};
        var expected = List.of(List.of("client_towns", "id", "client_streets", "town"));
        check("imported keys of a table", rows(about.getImportedKeys(null, schema,
            "client_streets"), key), expected);
        check("exported keys of a table", rows(about.getExportedKeys(null, schema, "client_towns"),
            key), expected);
        var indexes = about.getIndexInfo(null, schema, "client_streets", false, true);
        var index = List.<Object>of("client_streets_town", "town", true);
        check("index", rows(indexes, "INDEX_NAME", "COLUMN_NAME", "NON_UNIQUE").contains(index),
            true);
        var length = about.getColumns(null, schema, "client_streets", "length");
        var numeric = List.<Object>of("numeric", 10, 2);
        check("numeric", rows(length, "TYPE_NAME", "COLUMN_SIZE", "DECIMAL_DIGITS"),
            List.of(numeric));
        var commented = about.getTables(null, schema, "client_streets", null);
        check("comment", names(commented, "REMARKS"), List.of("Streets of towns"));
        con.rollback();
        var gone = about.getTables(null, schema, "client_streets", null);
        check("after the rollback", names(gone, "TABLE_NAME"), List.of());
    }

    /** Rows come by hundreds, out of a portal that stays open. */
    private void fetchSize(Connection con) throws SQLException {
        con.setAutoCommit(false);
        try (var statement = con.createStatement()) {
            statement.setFetchSize(100);
            for (int time = 0; time < 6; time++) {
                long n = 0;
                var everything = "SELECT * FROM %s ORDER BY id".formatted(table);
                try (var rows = statement.executeQuery(everything)) {
                    while (rows.next()) require(rows.getLong("id") == ++n, "row " + n);
                }
                check("rows by fetch size", n, (long) ROWS);
            }
            try (var rows = statement.executeQuery("SELECT id FROM %s ORDER BY id"
                .formatted(table));
                    var other = con.createStatement();
                    var between = other.executeQuery("SELECT count(*) FROM %s".formatted(table))) {
                require(rows.next() && between.next(), "no row");
                check("two at once", List.of(rows.getLong(1), between.getLong(1)), List.of(1L,
                    (long) ROWS));
            }
        }
        con.commit();
    }

    /** Prepared in the server, and binary, from the fifth time on. */
    private void prepared(Connection con) throws SQLException {
        var day = Date.valueOf("2024-02-29");
        var moment = Timestamp.valueOf("2024-02-29 12:34:56.789");
        var id = UUID.fromString("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11");
        byte[] bytes = {0, 1, (byte) 255};
        var query = """
            SELECT ?::integer AS i, ?::bigint AS l, ?::double precision AS d, ?::text AS s,
                ?::boolean AS b,
                ?::date AS day, ?::timestamp AS moment, ?::numeric(12, 3) AS decimal,
                    ?::bytea AS bytes, ?::uuid AS id,
                ?::integer AS nothing, ?::real AS f, ?::smallint AS small""";
        try (var statement = con.prepareStatement(query)) {
            for (int time = 0; time < 10; time++) {
                statement.setInt(1, time);
                statement.setLong(2, Long.MAX_VALUE - time);
                statement.setDouble(3, 0.1);
                statement.setString(4, "é\"\\");
                statement.setBoolean(5, time % 2 == 0);
                statement.setDate(6, day);
                statement.setTimestamp(7, moment);
                statement.setBigDecimal(8, new BigDecimal("-1234567.890"));
                statement.setBytes(9, bytes);
                statement.setObject(10, id);
                statement.setNull(11, Types.INTEGER);
                statement.setFloat(12, 1.5f);
                statement.setShort(13, (short) -7);
                try (var row = statement.executeQuery()) {
                    require(row.next(), "no row");
                    var values = Arrays.asList(
                        row.getInt("i"), row.getLong("l"), row.getDouble("d"), row.getString("s"),
                            row.getBoolean("b"),
                        row.getDate("day"), row.getTimestamp("moment"),
                            row.getBigDecimal("decimal"),
                        Arrays.toString(row.getBytes("bytes")), row.getObject("id"),
                            row.getObject("nothing"),
                        row.getFloat("f"), row.getShort("small"));
                    var expected = Arrays.asList(
                        time, Long.MAX_VALUE - time, 0.1, "é\"\\", time % 2 == 0, day, moment,
                        new BigDecimal("-1234567.890"), Arrays.toString(bytes), id, null, 1.5f,
                            (short) -7);
                    check("parameters", values, expected);
                }
            }
            check("types of the columns", columns(statement.getMetaData()));
            check("number of parameters", statement.getParameterMetaData().getParameterCount(), 13);
        }
        var filter = """
            SELECT count(*) FROM %s
            WHERE id <= ? AND price > ? AND zipcode <> ? AND sold IS DISTINCT FROM ?""";
        try (var statement = con.prepareStatement(filter.formatted(table))) {
            for (int time = 1; time <= 10; time++) {
                statement.setInt(1, time);
                statement.setDouble(2, 0.5);
                statement.setString(3, "none");
                statement.setDate(4, day);
                try (var row = statement.executeQuery()) {
                    require(row.next(), "no row");
                    check("filtered", row.getInt(1), time);
                }
            }
        }
        var arrays = "SELECT ARRAY[1, NULL, 3]::integer[], ?::text[]";
        try (var statement = con.prepareStatement(arrays)) {
            for (int time = 0; time < 10; time++) {
                statement.setArray(1, con.createArrayOf("text", new String[] {"a", null, "c,\"d"}));
                try (var row = statement.executeQuery()) {
                    require(row.next(), "no row");
                    var integers = Arrays.asList((Object[]) row.getArray(1).getArray());
                    var texts = Arrays.asList((Object[]) row.getArray(2).getArray());
                    check("integers", integers, Arrays.asList(1, null, 3));
                    check("texts", texts, Arrays.asList("a", null, "c,\"d"));
                }
            }
        }
    }

    private void batch(Connection con) throws SQLException {
        con.setAutoCommit(false);
        try (var statement = con.createStatement()) {
            statement.execute("CREATE TEMP TABLE batched (id integer, name varchar)");
        }
        con.commit();
        try (var statement = con.prepareStatement("INSERT INTO batched VALUES (?, ?)")) {
            for (int n = 0; n < 300; n++) {
                statement.setInt(1, n);
                statement.setString(2, n % 2 == 0 ? null : "name " + n);
                statement.addBatch();
            }
            check("counts of a batch",
                Arrays.stream(statement.executeBatch()).allMatch(count -> count == 1), true);
        }
        check("rows", number(con, "SELECT count(*) FROM batched"), 300L);
        try (var statement = con.createStatement()) {
            var update = "UPDATE batched SET name = 'a' WHERE id < 10";
            check("updated", statement.executeUpdate(update), 10);
            check("large update",
                statement.executeLargeUpdate("DELETE FROM batched WHERE id >= 290"), 10L);
            statement.addBatch("INSERT INTO batched VALUES (1, 'a'), (2, 'b')");
            statement.addBatch("DELETE FROM batched WHERE id = 5");
            check("batch of statements", Arrays.stream(statement.executeBatch()).boxed().toList(),
                List.of(2, 1));
        }
        con.rollback();
        check("rows after the rollback", number(con, "SELECT count(*) FROM batched"), 0L);
    }

    private void transactions(Connection con) throws SQLException {
        con.setAutoCommit(false);
        try (var statement = con.createStatement()) {
            statement.execute("CREATE TEMP TABLE kept (id integer)");
            con.commit();
            // What is undone up to a savepoint is so as long as nothing was written before that.
            var before = con.setSavepoint("before");
            statement.execute("INSERT INTO kept VALUES (2)");
            fails("error after a savepoint", "42P01", () -> statement.execute(UNKNOWN));
            fails("in a failed transaction", "25P02", () -> statement.execute("SELECT 1"));
            con.rollback(before);
            statement.execute("INSERT INTO kept VALUES (1)");
            statement.execute("INSERT INTO kept VALUES (3)");
            con.commit();
            check("kept", number(con, "SELECT sum(id)::bigint FROM kept"), 4L);
            con.rollback();
        }
        con.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
        check("isolation", con.getTransactionIsolation());
        con.rollback();
        con.setReadOnly(true);
        check("read only", number(con, "SELECT count(*) FROM " + table), (long) ROWS);
        con.rollback();
        con.setReadOnly(false);
        check("valid", con.isValid(5), true);
    }

    private void cancel(Connection con) throws Exception {
        try (var statement = con.createStatement()) {
            var cancelled = CompletableFuture.runAsync(() -> {
                try {
                    statement.cancel();
                } catch (SQLException error) {
                    throw new IllegalStateException(error);
                }
            }, CompletableFuture.delayedExecutor(500, TimeUnit.MILLISECONDS));
            fails("cancelled", "57014", () -> statement.executeQuery(slow));
            cancelled.get();
            check("works after", number(con, "SELECT 1::bigint"), 1L);
            statement.setQueryTimeout(1);
            fails("out of time", "57014", () -> statement.executeQuery(slow));
            check("works after", number(con, "SELECT 2::bigint"), 2L);
        }
    }

    private void failures(Connection con) throws SQLException {
        var errors = Map.of(UNKNOWN, "42P01", "SELEC 1", "42601",
            "SELECT no_such_column FROM " + table, "42703",
            "INSERT INTO %s (id, price) VALUES (1, 1)".formatted(table), "23505");
        for (var error : errors.entrySet()) {
            try (var statement = con.createStatement();
                    var prepared = con.prepareStatement(error.getKey())) {
                fails(error.getKey(), error.getValue(), () -> statement.execute(error.getKey()));
                fails(error.getKey(), error.getValue(), prepared::execute);
            }
        }
        check("works after", number(con, "SELECT 1::bigint"), 1L);
    }

    private void copy(Connection con) throws Exception {
        var manager = con.unwrap(PGConnection.class).getCopyAPI();
        for (var format : List.of("text", "csv")) {
            var out = new StringWriter();
            var copy = "COPY (SELECT id, price FROM %s ORDER BY id) TO STDOUT (FORMAT %s)"
                .formatted(table, format);
            long n = manager.copyOut(copy, out);
            check("rows copied as " + format, n, (long) ROWS);
            check("lines", out.toString().lines().count(), (long) ROWS);
            check("a line", out.toString().lines().findFirst().orElseThrow());
        }
        var unknown = "COPY (%s) TO STDOUT".formatted(UNKNOWN);
        fails("copy of an unknown table", "42P01", () -> manager.copyOut(unknown,
            new StringWriter()));
        check("works after", number(con, "SELECT 1::bigint"), 1L);
    }

    private interface Section {
        void run(Connection con) throws Exception;
    }

    private interface Work {
        Object run() throws Exception;
    }

    private static void fails(String name, String state, Work work) {
        try {
            work.run();
        } catch (SQLException error) {
            check(name, error.getSQLState(), state);
            return;
        } catch (Exception error) {
            throw new AssertionError(name, error);
        }
        throw new AssertionError(name + ": no error");
    }

    private static void require(boolean condition, String message) {
        if (!condition) throw new AssertionError(message);
    }

    private static void check(String name, Object value, Object expected) {
        require(Objects.equals(value, expected), "%s is %s, not %s".formatted(name, value,
            expected));
        check(name, value);
    }

    private static void check(String name, Object value) {
        System.out.printf("{\"check\": %s, \"value\": %s}%n", json(name), json(value));
    }

    private static String json(Object value) {
        if (value == null || value instanceof Number || value instanceof Boolean)
            return String.valueOf(value);
        if (value instanceof List<?> list) return "[" + String.join(", ", list.stream()
            .map(Jdbc::json).toList()) + "]";
        var text = value.toString().replace("\\", "\\\\").replace("\"", "\\\"");
        return "\"" + text.replace("\n", "\\n").replace("\t", "\\t") + "\"";
    }

    private static long number(Connection con, String query) throws SQLException {
        try (var statement = con.createStatement(); var row = statement.executeQuery(query)) {
            require(row.next(), "no row: " + query);
            return row.getLong(1);
        }
    }

    private static List<String> columns(ResultSetMetaData about) throws SQLException {
        var types = new ArrayList<String>();
        for (int n = 1; n <= about.getColumnCount(); n++) types.add(about.getColumnTypeName(n));
        return types;
    }

    private static List<String> names(ResultSet rows, String column) throws SQLException {
        try (rows) {
            var found = new ArrayList<String>();
            while (rows.next()) found.add(rows.getString(column));
            return found;
        }
    }

    private static List<List<Object>> rows(ResultSet rows, String... columns) throws SQLException {
        try (rows) {
            var found = new ArrayList<List<Object>>();
            while (rows.next()) {
                var row = new ArrayList<>();
                for (var column : columns) row.add(rows.getObject(column));
                found.add(row);
            }
            return found;
        }
    }
}
