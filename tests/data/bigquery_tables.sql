-- Small generated tables for the statements in bigquery_statements.sql.
-- Small deterministic tables named as in BigQuery ML's documentation. DuckDB 2.0. Every value depends on hash(i) only.
CREATE OR REPLACE TEMP MACRO u(i, k) AS ((hash(i * 1000003 + k) % 1000000)::DOUBLE / 1000000.0);
CREATE OR REPLACE TEMP MACRO n(i, k) AS ((u(i, k) + u(i, k + 101) + u(i, k + 202) + u(i, k + 303) - 2.0) * 1.7320508);
CREATE OR REPLACE TEMP MACRO pick(i, k, l) AS (l[1 + (hash(i * 1000003 + k) % len(l))::BIGINT]);

ATTACH ':memory:' AS "bigquery-public-data";
ATTACH ':memory:' AS myproject;
CREATE SCHEMA "bigquery-public-data".ml_datasets;
CREATE SCHEMA "bigquery-public-data".samples;
CREATE SCHEMA "bigquery-public-data".google_analytics_sample;
CREATE SCHEMA "bigquery-public-data".new_york_taxi_trips;
CREATE SCHEMA myproject.mydataset;
CREATE SCHEMA mydataset;
CREATE SCHEMA bqml_tutorial;
CREATE SCHEMA census;

-- 344 rows, as the original; 2 rows without measurements, 10 without sex, one sex of '.'
CREATE TABLE "bigquery-public-data".ml_datasets.penguins AS
WITH p AS (SELECT i, CASE WHEN i < 152 THEN 0 WHEN i < 220 THEN 1 ELSE 2 END AS s,
                  CASE WHEN u(i, 1) < 0.5 THEN 'MALE' ELSE 'FEMALE' END AS sx FROM range(344) t(i))
SELECT ['Adelie Penguin (Pygoscelis adeliae)', 'Chinstrap penguin (Pygoscelis antarctica)', 'Gentoo penguin (Pygoscelis papua)'][s + 1] AS species,
       CASE s WHEN 0 THEN pick(i, 2, ['Torgersen', 'Biscoe', 'Dream']) WHEN 1 THEN 'Dream' ELSE 'Biscoe' END AS island,
       CASE WHEN i NOT IN (3, 271) THEN round([38.8, 48.8, 47.5][s + 1] + (CASE sx WHEN 'MALE' THEN 1.6 ELSE -1.6 END) + 2.2 * n(i, 3), 1) END::DOUBLE AS culmen_length_mm,
       CASE WHEN i NOT IN (3, 271) THEN round([18.3, 18.4, 15.0][s + 1] + (CASE sx WHEN 'MALE' THEN 0.7 ELSE -0.7 END) + 0.8 * n(i, 4), 1) END::DOUBLE AS culmen_depth_mm,
       CASE WHEN i NOT IN (3, 271) THEN round([190.0, 195.8, 217.2][s + 1] + (CASE sx WHEN 'MALE' THEN 3 ELSE -3 END) + 5.0 * n(i, 5), 0) END::DOUBLE AS flipper_length_mm,
       CASE WHEN i NOT IN (3, 271) THEN 25 * round(([3700.0, 3733.0, 5076.0][s + 1] + (CASE sx WHEN 'MALE' THEN 340 ELSE -340 END) + 260.0 * n(i, 6)) / 25, 0) END::DOUBLE AS body_mass_g,
       CASE WHEN i = 336 THEN '.' WHEN i IN (3, 8, 9, 10, 11, 47, 246, 271, 286, 324) THEN NULL ELSE sx END AS sex
FROM p;

-- 600 rows; some workclass and occupation are NULL (the original writes ' ?')
CREATE TABLE "bigquery-public-data".ml_datasets.census_adult_income AS
WITH c AS (SELECT i, (17 + floor(abs(n(i, 11)) * 16 + u(i, 12) * 30))::BIGINT AS age,
                  (1 + hash(i * 7 + 5) % 16)::BIGINT AS en, pick(i, 13, ['Married-civ-spouse', 'Married-civ-spouse', 'Never-married', 'Divorced', 'Widowed', 'Separated']) AS ms,
                  (20 + floor(u(i, 14) * 45))::BIGINT AS h FROM range(600) t(i))
SELECT age,
       CASE WHEN u(i, 15) > 0.05 THEN pick(i, 16, ['Private', 'Private', 'Private', 'Local-gov', 'State-gov', 'Federal-gov', 'Self-emp-inc', 'Self-emp-not-inc']) END AS workclass,
       (12285 + hash(i * 31 + 7) % 1400000)::BIGINT AS functional_weight,
       ['Preschool', '1st-4th', '5th-6th', '7th-8th', '9th', '10th', '11th', '12th', 'HS-grad', 'Some-college', 'Assoc-voc', 'Assoc-acdm', 'Bachelors', 'Masters', 'Prof-school', 'Doctorate'][en] AS education,
       en AS education_num, ms AS marital_status,
       CASE WHEN u(i, 17) > 0.05 THEN pick(i, 18, ['Exec-managerial', 'Prof-specialty', 'Craft-repair', 'Adm-clerical', 'Sales', 'Other-service', 'Handlers-cleaners', 'Tech-support']) END AS occupation,
       pick(i, 19, ['Husband', 'Wife', 'Not-in-family', 'Own-child', 'Unmarried']) AS relationship,
       pick(i, 20, ['White', 'White', 'White', 'Black', 'Asian-Pac-Islander', 'Other']) AS race,
       pick(i, 21, ['Male', 'Female']) AS sex,
       CASE WHEN u(i, 22) > 0.92 THEN (2000 + floor(u(i, 23) * 13000))::BIGINT ELSE 0 END AS capital_gain,
       CASE WHEN u(i, 24) > 0.95 THEN (1400 + floor(u(i, 25) * 900))::BIGINT ELSE 0 END AS capital_loss,
       h AS hours_per_week,
       pick(i, 26, ['United-States', 'United-States', 'United-States', 'United-States', 'Mexico', 'Canada', 'India']) AS native_country,
       CASE WHEN 0.05 * (age - 40) + 0.3 * (en - 9) + 0.04 * (h - 42) + (CASE WHEN ms = 'Married-civ-spouse' THEN 1.2 ELSE -0.8 END) + 0.9 * n(i, 27) > 1.3 THEN '>50K' ELSE '<=50K' END AS income_bracket
FROM c;

-- 600 rows; the label and three features have NULLs
CREATE TABLE "bigquery-public-data".samples.natality AS
WITH b AS (SELECT i, (1969 + hash(i * 13 + 3) % 40)::BIGINT AS y, u(i, 31) < 0.51 AS male, (15 + floor(u(i, 32) * 30))::BIGINT AS ma,
                  CASE WHEN u(i, 33) < 0.03 THEN 2 ELSE 1 END::BIGINT AS pl, (39 + round(1.8 * n(i, 34)) - (CASE WHEN u(i, 33) < 0.03 THEN 3 ELSE 0 END))::BIGINT AS gw FROM range(600) t(i))
SELECT y AS source_year, y AS year, (1 + hash(i * 17 + 1) % 12)::BIGINT AS month,
       CASE WHEN u(i, 35) > 0.5 THEN (1 + hash(i * 19 + 2) % 28)::BIGINT END AS day,
       (1 + hash(i * 23 + 4) % 7)::BIGINT AS wday, pick(i, 36, ['WY', 'CA', 'TX', 'NY', 'FL', 'OH']) AS state,
       male AS is_male, pick(i, 37, [1, 1, 1, 2, 3, 4, 7])::BIGINT AS child_race,
       CASE WHEN u(i, 38) > 0.01 THEN round(7.3 + 0.32 * (gw - 39) + (CASE WHEN male THEN 0.15 ELSE -0.15 END) - 1.1 * (pl - 1) + 0.01 * (ma - 27) + 0.7 * n(i, 39), 4) END::DOUBLE AS weight_pounds,
       pl AS plurality, pick(i, 37, [1, 1, 1, 2, 3, 4, 7])::BIGINT AS mother_race,
       CASE WHEN u(i, 40) > 0.03 THEN gw END AS gestation_weeks, ma AS mother_age,
       u(i, 41) < 0.68 AS mother_married,
       CASE WHEN u(i, 42) > 0.1 THEN u(i, 43) < 0.12 END AS cigarette_use,
       CASE WHEN u(i, 44) > 0.1 THEN ma + (u(i, 45) * 8)::BIGINT END AS father_age,
       (1 + u(i, 46) * 3)::BIGINT AS ever_born
FROM b;

-- 210 rows, no NULLs, as the original has none
CREATE TABLE "bigquery-public-data".ml_datasets.iris AS
WITH f AS (SELECT i, (i % 3)::BIGINT AS s FROM range(210) t(i))
SELECT round([5.0, 5.9, 6.6][s + 1] + 0.4 * n(i, 51), 1)::DOUBLE AS sepal_length, round([3.4, 2.8, 3.0][s + 1] + 0.3 * n(i, 52), 1)::DOUBLE AS sepal_width,
       round([1.5, 4.3, 5.6][s + 1] + 0.35 * n(i, 53), 1)::DOUBLE AS petal_length, round([0.25, 1.3, 2.0][s + 1] + 0.2 * n(i, 54), 1)::DOUBLE AS petal_width,
       ['setosa', 'versicolor', 'virginica'][s + 1] AS species
FROM f;

-- 600 sessions with the structs of the Analytics export; most have no transaction (NULL)
CREATE TABLE "bigquery-public-data".google_analytics_sample.ga_sessions_20170801 AS
WITH s AS (SELECT i, (1 + floor(u(i, 61) * u(i, 62) * 40))::BIGINT AS pv, u(i, 63) < 0.3 AS mob FROM range(600) t(i))
SELECT lpad((hash(i) % 10000000000)::VARCHAR, 19, '0') AS fullVisitorId, (1501570000 + i * 97)::BIGINT AS visitStartTime, '20170801' AS date,
       {'visits': 1::BIGINT, 'pageviews': CASE WHEN u(i, 64) > 0.02 THEN pv END,
        'transactions': CASE WHEN 0.12 * pv - (CASE WHEN mob THEN 0.8 ELSE 0 END) + 0.6 * n(i, 65) > 1.6 THEN 1::BIGINT END} AS totals,
       {'operatingSystem': CASE WHEN u(i, 66) > 0.05 THEN CASE WHEN mob THEN pick(i, 67, ['Android', 'iOS']) ELSE pick(i, 68, ['Windows', 'Macintosh', 'Linux']) END END, 'isMobile': mob} AS device,
       {'country': pick(i, 69, ['United States', 'United States', 'Canada', 'India', 'United Kingdom', 'Japan'])} AS geoNetwork
FROM s;

-- 500 trips
CREATE TABLE "bigquery-public-data".new_york_taxi_trips.tlc_yellow_trips_2018 AS
WITH t AS (SELECT i, round(0.4 + 9 * u(i, 71) * u(i, 72) + 2 * u(i, 73), 2) AS d FROM range(500) r(i))
SELECT pick(i, 74, ['1', '2']) AS vendor_id, TIMESTAMP '2018-01-01 00:00:00' + to_minutes((hash(i * 29) % 500000)::BIGINT) AS pickup_datetime,
       TIMESTAMP '2018-01-01 00:00:00' + to_minutes((hash(i * 29) % 500000)::BIGINT + (4 + 4 * d)::BIGINT) AS dropoff_datetime,
       CASE WHEN u(i, 75) > 0.02 THEN (1 + floor(u(i, 76) * 5))::BIGINT END AS passenger_count, d::DECIMAL(38, 9) AS trip_distance,
       pick(i, 77, ['1', '1', '1', '2']) AS rate_code, pick(i, 78, ['1', '1', '2']) AS payment_type,
       round(2.5 + 2.9 * d + 1.2 * abs(n(i, 79)), 2)::DECIMAL(38, 9) AS fare_amount, round(CASE WHEN u(i, 80) > 0.6 THEN 0.2 * (2.5 + 2.9 * d) ELSE 0 END, 2)::DECIMAL(38, 9) AS tip_amount,
       (CASE WHEN u(i, 81) > 0.94 THEN 5.76 ELSE 0 END)::DECIMAL(38, 9) AS tolls_amount, pick(i, 82, ['132', '138', '161', '230', '236', '48'])::VARCHAR AS pickup_location_id
FROM t;

-- the reference pages' mydataset.mytable: label is 0 or 1, so that it serves linear_reg and logistic_reg
CREATE TABLE mydataset.mytable AS
WITH m AS (SELECT i, n(i, 91) AS a, 5 + 2 * n(i, 92) AS b, pick(i, 93, ['red', 'green', 'blue']) AS c FROM range(500) t(i))
SELECT i::BIGINT AS id, a AS column1, CASE WHEN u(i, 94) > 0.03 THEN b END AS column2, c AS column3, (i % 20)::BIGINT AS column4,
       CASE WHEN u(i, 95) > 0.04 THEN pick(i, 96, ['north', 'south', 'east', 'west']) END AS input_col, a + 0.3 * n(i, 97) AS input_column1, b + 0.5 * n(i, 98) AS input_column2,
       TIMESTAMPTZ '2024-01-01 00:00:00+00' + to_hours(i) AS timestamp, DATE '2024-01-01' + (i // 24)::INT AS event_date,
       CASE WHEN hash(i * 43) % 10 = 0 THEN 'n/a' ELSE lpad((hash(i * 47) % 100)::VARCHAR, 3, '0') END AS code_text, (hash(i * 41) % 5 = 0) AS is_eval,
       (1.4 * a + 0.3 * (b - 5) + (CASE c WHEN 'red' THEN 0.8 ELSE -0.3 END) + 0.5 * n(i, 99) > 0.3)::INT::BIGINT AS label,
       CASE WHEN 1.4 * a + 0.3 * (b - 5) + 0.6 * n(i, 100) > 0.3 THEN 'yes' ELSE 'no' END AS custom_label,
       CASE WHEN a < -0.5 THEN 'low' WHEN a < 0.6 THEN 'mid' ELSE 'high' END AS mylabel
FROM m;
CREATE TABLE mydataset.binary_table AS SELECT column1, column2, column3, input_col, label FROM mydataset.mytable;
CREATE TABLE mydataset.multiclass_table AS
SELECT column1, column2, column3, CASE mylabel WHEN 'low' THEN 'label1' WHEN 'mid' THEN 'label2' ELSE 'label3' END AS label FROM mydataset.mytable;
CREATE TABLE mydataset.training_table AS SELECT column1, column2, column3, 10 + 3 * column1 + coalesce(column2, 5) AS label FROM mydataset.mytable WHERE NOT is_eval;
CREATE TABLE mydataset.evaluation_table AS SELECT column1, column2, column3, 10 + 3 * column1 + coalesce(column2, 5) AS label FROM mydataset.mytable WHERE is_eval;
CREATE TABLE mydataset.t AS SELECT column1 AS f1, coalesce(column2, 5) AS f2, column3 AS f3, 4 + 2 * column1 - 0.5 * coalesce(column2, 5) + 0.3 * n(id, 110) AS label_col FROM mydataset.mytable;
CREATE TABLE myproject.mydataset.mytable AS SELECT column1, column2, column3, input_col, mylabel FROM mydataset.mytable;

-- the census tutorial's view; statements.sql makes it again, as the tutorial does
CREATE VIEW census.input_data AS
SELECT age, workclass, marital_status, education_num, occupation, hours_per_week, income_bracket,
       CASE WHEN functional_weight % 10 < 8 THEN 'training' WHEN functional_weight % 10 = 8 THEN 'evaluation' WHEN functional_weight % 10 = 9 THEN 'prediction' END AS dataframe
FROM "bigquery-public-data".ml_datasets.census_adult_income;
