-- Statements of BigQuery ML as its public documentation writes them: the pages on CREATE MODEL for linear, logistic and
-- DNN models, TRANSFORM, ML.PREDICT, ML.EVALUATE and the rest of the ML functions, and its tutorials on penguins, census,
-- natality, taxi trips and iris. Code samples of that documentation are under the Apache 2.0 License
-- (cloud.google.com/bigquery/docs); some are shortened, run on other tables, or written in its style. {tmp} is a folder.

-- linear-regression-tutorial: create the model
CREATE OR REPLACE MODEL `bqml_tutorial.penguins_model`
OPTIONS
  (model_type='linear_reg',
  input_label_cols=['body_mass_g']) AS
SELECT
  *
FROM
  `bigquery-public-data.ml_datasets.penguins`
WHERE
  body_mass_g IS NOT NULL;

-- linear-regression-tutorial: training statistics
SELECT
  *
FROM
  ML.TRAINING_INFO(MODEL `bqml_tutorial.penguins_model`);

-- linear-regression-tutorial: evaluate with data
SELECT
  *
FROM
  ML.EVALUATE(MODEL `bqml_tutorial.penguins_model`,
    (
    SELECT
      *
    FROM
      `bigquery-public-data.ml_datasets.penguins`
    WHERE
      body_mass_g IS NOT NULL));

-- linear-regression-tutorial: predict
SELECT
  *
FROM
  ML.PREDICT(MODEL `bqml_tutorial.penguins_model`,
    (
    SELECT
      *
    FROM
      `bigquery-public-data.ml_datasets.penguins`
    WHERE island = "Biscoe"));

-- linear-regression-tutorial: enable_global_explain
CREATE OR REPLACE MODEL `bqml_tutorial.penguins_model`
OPTIONS (
  model_type = 'linear_reg',
  input_label_cols = ['body_mass_g'],
  enable_global_explain = TRUE)
AS
SELECT
  *
FROM
  `bigquery-public-data.ml_datasets.penguins`
WHERE
  body_mass_g IS NOT NULL;

-- bigqueryml-transform tutorial: TRANSFORM with ML.QUANTILE_BUCKETIZE, CAST and ML.FEATURE_CROSS, RAND()
CREATE OR REPLACE MODEL `bqml_tutorial.penguin_transform`
  TRANSFORM(
    body_mass_g,
    culmen_depth_mm,
    flipper_length_mm,
    ML.QUANTILE_BUCKETIZE(culmen_length_mm, 10) OVER () AS bucketized_culmen_length,
    CAST(culmen_length_mm AS string) AS culmen_length_mm,
    ML.FEATURE_CROSS(STRUCT(species, sex)) AS species_sex)
  OPTIONS (
    model_type = 'linear_reg',
    input_label_cols = ['body_mass_g'])
AS
SELECT
  *
FROM
  `bigquery-public-data.ml_datasets.penguins`
WHERE
  body_mass_g IS NOT NULL
  AND RAND() < 0.9;

-- bigqueryml-transform tutorial: evaluate; the model applies its TRANSFORM
SELECT
  *
FROM
  ML.EVALUATE(
    MODEL `bqml_tutorial.penguin_transform`,
    (
      SELECT
        *
      FROM
        `bigquery-public-data.ml_datasets.penguins`
      WHERE
        body_mass_g IS NOT NULL
    ));

-- bigqueryml-transform tutorial: predict
SELECT
  predicted_body_mass_g
FROM
  ML.PREDICT(
    MODEL `bqml_tutorial.penguin_transform`,
    (
      SELECT
        *
      FROM
        `bigquery-public-data.ml_datasets.penguins`
      WHERE
        sex = 'MALE'
    ));

-- logistic-regression-prediction tutorial: the view (plain BigQuery SQL; setup.sql has it too)
CREATE OR REPLACE VIEW
  `census.input_data` AS
SELECT
  age,
  workclass,
  marital_status,
  education_num,
  occupation,
  hours_per_week,
  income_bracket,
  CASE
    WHEN MOD(functional_weight, 10) < 8 THEN 'training'
    WHEN MOD(functional_weight, 10) = 8 THEN 'evaluation'
    WHEN MOD(functional_weight, 10) = 9 THEN 'prediction'
  END AS dataframe
FROM
  `bigquery-public-data.ml_datasets.census_adult_income`;

-- logistic-regression-prediction tutorial: create the model
CREATE OR REPLACE MODEL
  `census.census_model`
OPTIONS
  ( model_type='LOGISTIC_REG',
    auto_class_weights=TRUE,
    enable_global_explain=TRUE,
    data_split_method='NO_SPLIT',
    input_label_cols=['income_bracket'],
    max_iterations=15) AS
SELECT * EXCEPT(dataframe)
FROM
  `census.input_data`
WHERE
  dataframe = 'training';

-- logistic-regression-prediction tutorial: evaluate (a space before the parenthesis)
SELECT
  *
FROM
  ML.EVALUATE (MODEL `census.census_model`,
    (
    SELECT
      *
    FROM
      `census.input_data`
    WHERE
      dataframe = 'evaluation'
    )
  );

-- logistic-regression-prediction tutorial: predict
SELECT
  *
FROM
  ML.PREDICT (MODEL `census.census_model`,
    (
    SELECT
      *
    FROM
      `census.input_data`
    WHERE
      dataframe = 'prediction'
    )
  );

-- ML.PREDICT: probability of one class by a subquery over UNNEST
SELECT
  predicted_income_bracket,
  (SELECT prob FROM UNNEST(predicted_income_bracket_probs) WHERE label = '>50K') AS prob_over_50k
FROM
  ML.PREDICT(MODEL `census.census_model`, TABLE `census.input_data`)
ORDER BY
  prob_over_50k DESC
LIMIT 10;

-- ML.PREDICT: probabilities as rows by UNNEST in FROM
SELECT
  age,
  occupation,
  p.label,
  p.prob
FROM
  ML.PREDICT(MODEL `census.census_model`,
    (SELECT * FROM `census.input_data` WHERE dataframe = 'prediction')),
  UNNEST(predicted_income_bracket_probs) AS p
WHERE
  p.label = predicted_income_bracket
ORDER BY
  p.prob DESC;

-- ML.PREDICT: OFFSET into the probabilities, the most probable class first
SELECT
  predicted_income_bracket,
  predicted_income_bracket_probs[OFFSET(0)].label AS top_label,
  predicted_income_bracket_probs[OFFSET(0)].prob AS top_prob
FROM
  ML.PREDICT(MODEL `census.census_model`,
    (SELECT * FROM `census.input_data` WHERE dataframe = 'prediction' LIMIT 20));

-- ML.CONFUSION_MATRIX: with a query statement
SELECT
  *
FROM
  ML.CONFUSION_MATRIX(MODEL `census.census_model`,
  (
    SELECT
      *
    FROM
      `census.input_data`
    WHERE
      dataframe = 'evaluation'));

-- create-machine-learning-model tutorial (Google Analytics): IF, IFNULL, struct fields, default label column
CREATE OR REPLACE MODEL `bqml_tutorial.sample_model`
OPTIONS(model_type='logistic_reg') AS
SELECT
  IF(totals.transactions IS NULL, 0, 1) AS label,
  IFNULL(device.operatingSystem, "") AS os,
  device.isMobile AS is_mobile,
  IFNULL(geoNetwork.country, "") AS country,
  IFNULL(totals.pageviews, 0) AS pageviews
FROM
  `bigquery-public-data.google_analytics_sample.ga_sessions_20170801`;

-- create-machine-learning-model tutorial: predicted purchases by country (SUM of the predicted label, GROUP BY alias)
SELECT
  country,
  SUM(predicted_label) as total_predicted_purchases
FROM
  ML.PREDICT(MODEL `bqml_tutorial.sample_model`, (
SELECT
  IFNULL(device.operatingSystem, "") AS os,
  device.isMobile AS is_mobile,
  IFNULL(totals.pageviews, 0) AS pageviews,
  IFNULL(geoNetwork.country, "") AS country
FROM
  `bigquery-public-data.google_analytics_sample.ga_sessions_20170801`))
GROUP BY country
ORDER BY total_predicted_purchases DESC
LIMIT 10;

-- ML.ROC_CURVE: no data, the rows held out in training
SELECT
  *
FROM
  ML.ROC_CURVE(MODEL `bqml_tutorial.sample_model`);

-- natality tutorial (earlier bigqueryml-natality): CAST AS STRING makes a category
CREATE MODEL `bqml_tutorial.natality_model`
OPTIONS
  (model_type='linear_reg',
    input_label_cols=['weight_pounds']) AS
SELECT
  weight_pounds,
  is_male,
  gestation_weeks,
  mother_age,
  CAST(mother_race AS string) AS mother_race
FROM
  `bigquery-public-data.samples.natality`
WHERE
  weight_pounds IS NOT NULL
  AND RAND() < 0.8;

-- natality tutorial: predict, string in double quotes
SELECT
  predicted_weight_pounds
FROM
  ML.PREDICT(MODEL `bqml_tutorial.natality_model`,
    (
    SELECT
      is_male,
      gestation_weeks,
      mother_age,
      CAST(mother_race AS STRING) AS mother_race
    FROM
      `bigquery-public-data.samples.natality`
    WHERE
      state = "WY"));

-- natality tutorial: errors, ML.PREDICT in a nested subquery
SELECT
  *,
  (predicted_weight_pounds - weight_pounds) AS error
FROM (
  SELECT
    *
  FROM
    ML.PREDICT(MODEL `bqml_tutorial.natality_model`,
      (
      SELECT
        weight_pounds,
        is_male,
        gestation_weeks,
        mother_age,
        CAST(mother_race AS STRING) AS mother_race
      FROM
        `bigquery-public-data.samples.natality`
      WHERE
        weight_pounds IS NOT NULL)));

-- create-glm: sequential data split
CREATE OR REPLACE MODEL
  `mydataset.mymodel_seq`
OPTIONS
  ( MODEL_TYPE='LINEAR_REG',
    MAX_ITERATIONS=5,
    DATA_SPLIT_METHOD='SEQ',
    DATA_SPLIT_EVAL_FRACTION=0.3,
    DATA_SPLIT_COL='timestamp' ) AS
SELECT
  column1,
  column2,
  column3,
  timestamp,
  label
FROM
  `mydataset.mytable`
WHERE
  column4 < 10;

-- create-glm: custom data split with UNION ALL; the option writes SPLIT_COL, the query split_col
CREATE MODEL
  `mydataset.mymodel_custom`
OPTIONS
  ( MODEL_TYPE='LINEAR_REG',
    DATA_SPLIT_METHOD='CUSTOM',
    DATA_SPLIT_COL='SPLIT_COL' ) AS
SELECT
  *,
  false AS split_col
FROM
  `mydataset.training_table`
UNION ALL
SELECT
  *,
  true AS split_col
FROM
  `mydataset.evaluation_table`;

-- create-glm: multiclass, automatic class weights
CREATE OR REPLACE MODEL
  `mydataset.mymodel_multi`
OPTIONS
  ( MODEL_TYPE='LOGISTIC_REG',
    AUTO_CLASS_WEIGHTS=TRUE ) AS
SELECT
  *
FROM
  `mydataset.multiclass_table`;

-- create-glm: multiclass, class weights
CREATE OR REPLACE MODEL
  `mydataset.mymodel_multi`
OPTIONS
  ( MODEL_TYPE='LOGISTIC_REG',
    CLASS_WEIGHTS=[('label1', 0.5), ('label2', 0.3), ('label3', 0.2)]) AS
SELECT
  *
FROM
  `mydataset.multiclass_table`;

-- create-glm: binary INT64 label, class weights given as text
CREATE OR REPLACE MODEL
  `mydataset.mymodel_weighted`
OPTIONS
  ( MODEL_TYPE='LOGISTIC_REG',
    CLASS_WEIGHTS=[('0', 0.9), ('1', 0.1)]) AS
SELECT
  *
FROM
  `mydataset.binary_table`;

-- create-glm: class weights as an array of STRUCT
CREATE OR REPLACE MODEL
  `mydataset.mymodel_weighted`
OPTIONS
  ( MODEL_TYPE='LOGISTIC_REG',
    INPUT_LABEL_COLS=['label'],
    CLASS_WEIGHTS=[STRUCT('0', 0.4), STRUCT('1', 0.6)]) AS
SELECT
  *
FROM
  `mydataset.binary_table`;

-- create-glm: TRANSFORM with * EXCEPT
CREATE OR REPLACE MODEL `mydataset.mymodel_except`
  TRANSFORM(f1 + f2 as c, * EXCEPT(f1, f2))
  OPTIONS(model_type='linear_reg', input_label_cols=['label_col'])
AS SELECT f1, f2, f3, label_col FROM `mydataset.t`;

-- ML.PREDICT: TRANSFORM model, a column it does not use is passed through
SELECT * FROM ML.PREDICT(
  MODEL `mydataset.mymodel_except`, (SELECT f1, f2, f3, label_col FROM mydataset.t));

-- older create page: labels (now input_label_cols), strings in double quotes, a number without a leading 0
CREATE OR REPLACE MODEL `mydataset.mymodel_labels`
OPTIONS (model_type="linear_reg", labels=["label"], ls_init_learn_rate=.015, max_iterations=10) AS
SELECT
  column1,
  column2,
  CAST(label AS FLOAT64) AS label
FROM
  mydataset.mytable;

-- ML.EVALUATE: chosen metrics, TABLE argument
SELECT
  roc_auc,
  accuracy,
  ROUND(log_loss, 4) AS log_loss
FROM
  ML.EVALUATE(MODEL `mydataset.mymodel_weighted`, TABLE `mydataset.binary_table`);

-- ML.PREDICT: two models compared, first model (a comma after the last option)
CREATE OR REPLACE MODEL
  `mydataset.mymodel1`
OPTIONS
  (model_type='linear_reg',
    input_label_cols=['label'],
  ) AS
SELECT
  label,
  input_column1
FROM
  `mydataset.mytable`;

-- ML.PREDICT: two models compared, second model
CREATE OR REPLACE MODEL
  `mydataset.mymodel2`
OPTIONS
  (model_type='linear_reg',
    input_label_cols=['label'],
  ) AS
SELECT
  label,
  input_column2
FROM
  `mydataset.mytable`;

-- ML.PREDICT: two models compared, ML.PREDICT as the input of ML.PREDICT
SELECT
  label,
  predicted_label1,
  predicted_label AS predicted_label2
FROM
  ML.PREDICT(MODEL `mydataset.mymodel2`,
    (
    SELECT
      * EXCEPT (predicted_label),
          predicted_label AS predicted_label1
    FROM
      ML.PREDICT(MODEL `mydataset.mymodel1`,
        TABLE `mydataset.mytable`)));

-- ML.PREDICT: joined with a table
SELECT
  t.id,
  t.column3,
  p.predicted_label
FROM
  `mydataset.mytable` AS t
JOIN
  ML.PREDICT(MODEL `mydataset.mymodel1`, (SELECT id, input_column1 FROM `mydataset.mytable`)) AS p
ON
  t.id = p.id
WHERE
  t.column4 = 3
ORDER BY
  p.predicted_label DESC;

-- ML.PREDICT: one row of literals
SELECT
  *
FROM
  ML.PREDICT(MODEL `mydataset.mymodel_multi`,
    (SELECT 0.5 AS column1, 4.2 AS column2, 'red' AS column3));

-- ML.PREDICT: rows of UNNEST of STRUCTs
SELECT
  column1,
  predicted_label
FROM
  ML.PREDICT(MODEL `mydataset.mymodel_multi`,
    (SELECT * FROM UNNEST([STRUCT(-1.0 AS column1, 5.0 AS column2, 'blue' AS column3), STRUCT(1.5, 6.0, 'green')])));

-- ML.PREDICT: result stored in a table
CREATE OR REPLACE TABLE `mydataset.predictions` AS
SELECT
  id,
  predicted_label
FROM
  ML.PREDICT(MODEL `mydataset.mymodel1`, TABLE `mydataset.mytable`);

-- create-glm: a model with a category, for ML.WEIGHTS below
CREATE OR REPLACE MODEL `mydataset.mymodel_cat`
OPTIONS(model_type='linear_reg', input_label_cols=['label']) AS
SELECT input_col, column1, label FROM `mydataset.mytable`;

-- ML.FEATURE_INFO
SELECT
  *
FROM
  ML.FEATURE_INFO(MODEL `bqml_tutorial.penguins_model`);

-- ML.EVALUATE: with no input data
SELECT
  *
FROM
  ML.EVALUATE(MODEL `bqml_tutorial.penguins_model`);

-- ML.WEIGHTS: without standardization, UNNEST of a scalar subquery
SELECT
  category,
  weight
FROM
  UNNEST((
    SELECT
      category_weights
    FROM
      ML.WEIGHTS(MODEL `mydataset.mymodel_cat`)
    WHERE
      processed_input = 'input_col'));

-- ML.WEIGHTS: with standardization
SELECT
  *
FROM
  ML.WEIGHTS(MODEL `mydataset.mymodel_cat`,
    STRUCT(true AS standardize));

-- ML.WEIGHTS: ordered by size, a multiclass model has class_label
SELECT
  processed_input,
  class_label,
  weight
FROM
  ML.WEIGHTS(MODEL `mydataset.mymodel_multi`)
WHERE
  weight IS NOT NULL
ORDER BY
  ABS(weight) DESC;

-- ML.CONFUSION_MATRIX: no data
SELECT
  *
FROM
  ML.CONFUSION_MATRIX(MODEL `mydataset.mymodel_weighted`);

-- ML.CONFUSION_MATRIX: custom threshold
SELECT
  *
FROM
  ML.CONFUSION_MATRIX(MODEL `mydataset.mymodel_weighted`,
    (
    SELECT
      *
    FROM
      `mydataset.binary_table`),
    STRUCT(0.6 AS threshold));

-- ML.ROC_CURVE: with a table
SELECT
  *
FROM
  ML.ROC_CURVE(MODEL `mydataset.mymodel_weighted`,
    TABLE `mydataset.binary_table`);

-- ML.ROC_CURVE: custom thresholds
SELECT
  *
FROM
  ML.ROC_CURVE(MODEL `mydataset.mymodel_weighted`,
    TABLE `mydataset.binary_table`,
    GENERATE_ARRAY(0.4,0.6,0.01));

-- ML.ROC_CURVE: precision and recall
SELECT
  recall,
  true_positives / (true_positives + false_positives) AS precision
FROM
  ML.ROC_CURVE(MODEL `mydataset.mymodel_weighted`,
    TABLE `mydataset.binary_table`);

-- manual-preprocessing: scalers, imputer and one-hot encoder
CREATE OR REPLACE MODEL `mydataset.mymodel_scaled`
  TRANSFORM(
    ML.STANDARD_SCALER(column1) OVER() AS column1_scaled,
    ML.MIN_MAX_SCALER(input_column2) OVER() AS input_column2_scaled,
    ML.IMPUTER(column2, 'mean') OVER() AS column2_imputed,
    ML.IMPUTER(input_col, 'most_frequent') OVER() AS input_col_imputed,
    ML.ONE_HOT_ENCODER(column3, 'most_frequent', 10, 0) OVER() AS column3_encoded,
    label)
  OPTIONS(model_type='logistic_reg', input_label_cols=['label'])
AS
SELECT
  column1, column2, column3, input_col, input_column2, label
FROM
  `mydataset.mytable`;

-- taxi-fare labs: TRANSFORM with * EXCEPT and EXTRACT
CREATE OR REPLACE MODEL bqml_tutorial.taxi_fare
  TRANSFORM(
    * EXCEPT(pickup_datetime),
    CAST(EXTRACT(DAYOFWEEK FROM pickup_datetime) AS STRING) AS dayofweek,
    CAST(EXTRACT(HOUR FROM pickup_datetime) AS STRING) AS hourofday)
  OPTIONS(input_label_cols=['total_fare'], model_type='linear_reg')
AS
SELECT
  (tolls_amount + fare_amount) AS total_fare,
  pickup_datetime,
  trip_distance,
  passenger_count AS passengers
FROM
  `bigquery-public-data.new_york_taxi_trips.tlc_yellow_trips_2018`
WHERE
  trip_distance > 0 AND fare_amount BETWEEN 3 AND 200;

-- taxi-fare labs: a repeatable sample by MOD(ABS(FARM_FINGERPRINT(..)))
SELECT
  SQRT(mean_squared_error) AS rmse
FROM
  ML.EVALUATE(MODEL bqml_tutorial.taxi_fare, (
    SELECT
      (tolls_amount + fare_amount) AS total_fare,
      pickup_datetime,
      trip_distance,
      passenger_count AS passengers
    FROM
      `bigquery-public-data.new_york_taxi_trips.tlc_yellow_trips_2018`
    WHERE
      MOD(ABS(FARM_FINGERPRINT(CAST(pickup_datetime AS STRING))), 10) >= 8));

-- babyweight labs: WITH query, a split column by FARM_FINGERPRINT, SAFE_CAST and CASE
CREATE OR REPLACE MODEL `bqml_tutorial.natality_split`
OPTIONS(
  model_type='linear_reg',
  input_label_cols=['weight_pounds'],
  data_split_method='CUSTOM',
  data_split_col='is_eval') AS
WITH births AS (
  SELECT
    weight_pounds,
    CAST(is_male AS STRING) AS is_male,
    mother_age,
    SAFE_CAST(plurality AS INT64) AS plurality,
    CASE WHEN cigarette_use IS NULL THEN 'unknown' WHEN cigarette_use THEN 'yes' ELSE 'no' END AS smoker,
    CONCAT(CAST(year AS STRING), '-', CAST(month AS STRING)) AS yearmonth
  FROM
    `bigquery-public-data.samples.natality`
  WHERE
    weight_pounds > 0 AND gestation_weeks > 0
)
SELECT
  * EXCEPT(yearmonth),
  MOD(ABS(FARM_FINGERPRINT(yearmonth)), 10) >= 8 AS is_eval
FROM
  births;

-- create-dnn-models: DNN regressor
CREATE OR REPLACE MODEL `bqml_tutorial.penguins_dnn`
OPTIONS(
  MODEL_TYPE='DNN_REGRESSOR',
  HIDDEN_UNITS=[32, 16],
  ACTIVATION_FN='RELU',
  OPTIMIZER='ADAM',
  LEARN_RATE=0.01,
  BATCH_SIZE=32,
  MAX_ITERATIONS=50,
  EARLY_STOP=TRUE,
  INPUT_LABEL_COLS=['body_mass_g']) AS
SELECT
  *
FROM
  `bigquery-public-data.ml_datasets.penguins`
WHERE
  body_mass_g IS NOT NULL;

-- create-dnn-models: DNN classifier without dropout; project_id.dataset.model
CREATE MODEL `myproject.mydataset.mymodel`
OPTIONS(MODEL_TYPE='DNN_CLASSIFIER',
        ACTIVATION_FN = 'RELU',
        BATCH_SIZE = 16,
        EARLY_STOP = FALSE,
        HIDDEN_UNITS = [64, 32],
        INPUT_LABEL_COLS = ['mylabel'],
        LEARN_RATE=0.001,
        MAX_ITERATIONS = 50,
        OPTIMIZER = 'ADAM')
AS SELECT * FROM `myproject.mydataset.mytable`;

-- ML.PREDICT: DNN classifier, project-qualified model and table
SELECT
  mylabel,
  predicted_mylabel,
  predicted_mylabel_probs
FROM
  ML.PREDICT(MODEL `myproject.mydataset.mymodel`, TABLE `myproject.mydataset.mytable`);

-- ML.CONFUSION_MATRIX: multiclass DNN
SELECT
  *
FROM
  ML.CONFUSION_MATRIX(MODEL `myproject.mydataset.mymodel`,
    (SELECT * FROM `myproject.mydataset.mytable`));

-- export-model-tutorial: a logistic regression on iris
CREATE OR REPLACE MODEL `bqml_tutorial.iris_model`
  OPTIONS (model_type='logistic_reg',
    max_iterations=10, input_label_cols=['species'])
AS
SELECT * FROM `bigquery-public-data.ml_datasets.iris`;

-- export-model (a local path in place of gs://)
EXPORT MODEL `bqml_tutorial.iris_model`
OPTIONS(URI = '{tmp}/');

-- create: IF NOT EXISTS on a model that is there
CREATE MODEL IF NOT EXISTS `bqml_tutorial.iris_model`
OPTIONS(model_type='logistic_reg', input_label_cols=['species']) AS
SELECT * FROM `bigquery-public-data.ml_datasets.iris`;

-- alter-model: description
ALTER MODEL `bqml_tutorial.iris_model`
SET OPTIONS (
  description = "The species of an iris by its measures"
);

-- alter-model: IF EXISTS and labels
ALTER MODEL IF EXISTS `mydataset.mymodel`
SET OPTIONS (description='mymodel, described', labels=[("org_unit", "development"), ("stage", "test")]);

-- alter-model: IF EXISTS on a model that is not there
ALTER MODEL IF EXISTS mydataset.no_such_model SET OPTIONS (description='nothing');

-- drop-model: IF EXISTS
DROP MODEL IF EXISTS `mydataset.mymodel`;

-- drop-model: IF EXISTS, project-qualified
DROP MODEL IF EXISTS `myproject.mydataset.mymodel`;

-- drop-model: without back-ticks
DROP MODEL mydataset.mymodel1;

-- drop-model: of the tutorial
DROP MODEL bqml_tutorial.penguins_model;
