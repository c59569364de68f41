"""House prices: training compared with the usual tutorial, predictions and a what-if query.

Run it with `duckml demo`, or from Python with `duckml.examples.house_prices.main()`.
"""

from __future__ import annotations

import tempfile
import time
import warnings
from importlib import resources
from pathlib import Path

import duckml

NET = {
    "hidden_layer_sizes": [32, 16],
    "activation": "relu",
    "solver": "adam",
    "batch_size": 32,
    "max_iter": 100,
}


def main(folder: Path | None = None) -> None:
    """Run the example in a folder, a temporary one by default."""
    if folder is None:
        with tempfile.TemporaryDirectory() as temporary:
            main(Path(temporary))
        return
    file = str(folder / "houses.duckdb")
    with duckml.connect(file) as con:
        load(con)
        scores = [("the tutorial: raw features, raw prices", *tutorial(con))]
        train(con)
        for model in ("house_price_line", "house_price"):
            r2, mae = con.execute(
                f"SELECT r2_score, mean_absolute_error FROM EVALUATE(MODEL {model}, TABLE held_out)"
            ).fetchall()[0]
            scores.append((f"CREATE MODEL {model}", r2, mae))
        [(rows,)] = con.execute("SELECT count(*) FROM held_out").fetchall()
        print(f"\nOn {rows:,} sales that none of them has seen:\n")
        print(f"{'':<42}{'R²':>6}{'off by, on average':>22}")
        for name, r2, mae in scores:
            print(f"{name:<42}{r2:>6.2f}{'$' + format(round(mae), ','):>22}")
        print("\nHouses for sale, and what one more bathroom would add:\n")
        print(con.sql(WHAT_IF))
    with duckml.connect(file, read_only=True) as con:
        print("The file closed and opened again, read-only: the model is in it.\n")
        print(con.sql(AGAIN))


WHAT_IF = """
SELECT house, sqft_living, bathrooms,
    PREDICT(house_price)::INTEGER AS fair,
    (PREDICT(house_price, bathrooms := bathrooms + 1) - PREDICT(house_price))::INTEGER
        AS worth_of_a_bath
FROM for_sale
"""

AGAIN = (
    "SELECT house, PREDICT(house_price)::INTEGER AS fair, MODEL_VERSION(house_price) AS model "
    "FROM for_sale"
)


def load(con: duckml.Connection) -> None:
    """Load the sales, hold out a fifth of them, and choose three houses for sale."""
    data = resources.files("duckml.examples").joinpath("data/house_prices.parquet")
    with resources.as_file(data) as path:
        con.execute("CREATE TABLE house_prices AS FROM read_parquet($path)", {"path": str(path)})
    con.execute("CREATE TABLE known AS FROM house_prices WHERE hash(id, date) % 5 <> 0")
    con.execute("CREATE TABLE held_out AS FROM house_prices WHERE hash(id, date) % 5 = 0")
    con.execute("""
        CREATE TABLE for_sale AS
        SELECT
            MAP {
                7129300520: 'small, south', 2487200875: 'west side', 1954400510: 'east side'
            }[id] AS house,
            * EXCLUDE (price)
        FROM house_prices WHERE id IN (7129300520, 2487200875, 1954400510)
    """)


def tutorial(con: duckml.Connection) -> tuple[float, float]:
    """Train with scikit-learn as the usual tutorial does, and return R² and mean absolute error.

    Features and prices are used as they are, without scaling.
    """
    from sklearn.metrics import mean_absolute_error, r2_score
    from sklearn.neural_network import MLPRegressor

    columns = "* EXCLUDE (id, date, zipcode, price)"
    train = con.sql(
        f"SELECT COLUMNS({columns})::DOUBLE, price::DOUBLE AS price FROM known"
    ).fetchnumpy()
    test = con.sql(
        f"SELECT COLUMNS({columns})::DOUBLE, price::DOUBLE AS price FROM held_out"
    ).fetchnumpy()
    import numpy as np

    def matrix(rows: dict[str, np.ndarray]) -> np.ndarray:
        return np.column_stack([values for name, values in rows.items() if name != "price"])

    started = time.perf_counter()
    net = MLPRegressor(**{**NET, "hidden_layer_sizes": (32, 16)}, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net.fit(matrix(train), train["price"])
    print(
        "The tutorial's recipe, trained with plain scikit-learn in "
        f"{time.perf_counter() - started:.0f} seconds."
    )
    predicted = net.predict(matrix(test))
    return float(r2_score(test["price"], predicted)), float(
        mean_absolute_error(test["price"], predicted)
    )


def train(con: duckml.Connection) -> None:
    """Train the same net with CREATE MODEL, and a line to compare with."""
    options = ", ".join(f"{name} = {value!r}" for name, value in NET.items())
    statement = (
        "CREATE MODEL house_price OPTIONS (target = 'price', categorical = ['zipcode'], "
        f"{options}) "
        "AS SELECT * EXCLUDE (id) FROM known"
    )
    con.execute(statement)
    print(f"\n{statement.replace(' AS SELECT', chr(10) + 'AS SELECT')};\n")
    print(con.model("house_price"))
    con.execute(
        "CREATE MODEL house_price_line OPTIONS (target = 'price', categorical = ['zipcode'], "
        "estimator = 'linear_regression') AS SELECT * EXCLUDE (id) FROM known"
    )


if __name__ == "__main__":
    main()
