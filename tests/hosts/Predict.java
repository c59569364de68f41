import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.Properties;

/** Predicts from a file that duckml wrote: arguments are the file, the extension and the library of onnxruntime. */
public class Predict {
    public static void main(String[] arguments) throws Exception {
        Properties properties = new Properties();
        properties.setProperty("allow_unsigned_extensions", "true");
        try (Connection con = DriverManager.getConnection("jdbc:duckdb:" + arguments[0], properties);
                Statement statement = con.createStatement()) {
            statement.execute("LOAD '" + arguments[1] + "'");
            statement.execute("SELECT duckml_runtime('" + arguments[2] + "')");
            try (ResultSet rows = statement.executeQuery("SELECT a, predict_house_price(h) FROM houses h ORDER BY a LIMIT 3")) {
                while (rows.next()) {
                    System.out.println(rows.getDouble(1) + " " + rows.getDouble(2));
                }
            }
            try (var prepared = con.prepareStatement("SELECT predict_house_price(a := ?, c := ?)")) {
                prepared.setDouble(1, 5);
                prepared.setString(2, "y");
                try (ResultSet rows = prepared.executeQuery()) {
                    rows.next();
                    System.out.println(rows.getDouble(1));
                }
            }
            statement.execute("CREATE TABLE predicted AS SELECT fair FROM fair");
        }
        // The file is free as soon as DuckDB is closed: another process may write to it while this one goes on.
        for (int attempt = 0; attempt < 100; attempt++) {
            Process other = new ProcessBuilder(arguments[3], "-c",
                    "import duckdb, sys; duckdb.connect(sys.argv[1]).execute('CREATE TABLE elsewhere AS SELECT 1')",
                    arguments[0]).start();
            if (other.waitFor() == 0) {
                System.out.println("free");
                return;
            }
            Thread.sleep(100);
        }
    }
}
