-- What is a house worth, and what would one more bathroom add?
-- Run it from the project's root: duckml sql houses.duckdb -f examples/house_prices.sql

CREATE OR REPLACE TABLE house_prices AS FROM 'examples/data/house_prices.parquet';

-- The net of the usual tutorial: 32 and 16 neurons, ReLU, adam, squared error, at most 100 passes in batches of 32.
-- One part of the rows decides when to stop, another measures the result. The zipcode is a place, not a number.
CREATE OR REPLACE MODEL house_price
OPTIONS (
    target = 'price',
    hidden_layer_sizes = [32, 16],
    activation = 'relu',
    solver = 'adam',
    batch_size = 32,
    max_iter = 100,
    categorical = ['zipcode']
) AS
SELECT * EXCLUDE (id) FROM house_prices;

-- Houses that are for sale: the columns may stand in any order, others pass through, NULL is allowed.
CREATE OR REPLACE TABLE for_sale AS
SELECT 'lake house' AS house, * EXCLUDE (price) FROM house_prices WHERE id = 7129300520
UNION ALL
SELECT 'old town', * EXCLUDE (price) FROM house_prices WHERE id = 2487200875
UNION ALL
SELECT 'year unknown', * EXCLUDE (price) REPLACE (NULL AS yr_built) FROM house_prices WHERE id = 1954400510;

SELECT
    house,
    round(PREDICT(house_price)) AS fair,
    round(PREDICT(house_price, bathrooms := bathrooms + 1) - PREDICT(house_price)) AS worth_of_a_bath
FROM for_sale;

-- The same from any tool, without a word that DuckDB doesn't know:
SELECT house, round(predict_house_price(h)) AS fair, model_version_house_price() AS model FROM for_sale AS h;

-- How good is it? Measured on sales that it has not seen; and, a little flattered, on all expensive ones.
SELECT round(r2_score, 3) AS r2, round(mean_absolute_error) AS mae FROM EVALUATE(MODEL house_price);
SELECT round(r2_score, 3) AS r2, round(mean_absolute_error) AS mae
FROM EVALUATE(MODEL house_price, (FROM house_prices WHERE price > 1000000));
