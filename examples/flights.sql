-- How late will a flight arrive? Real data: NULLs, categories and timestamps.
-- Run it from the project's root: duckml sql flights.duckdb -f examples/flights.sql

CREATE OR REPLACE TABLE flights AS FROM 'examples/data/flights.parquet';

-- Once it is in the air: the departure delay and the time in the air are known. Cancelled flights have no arr_delay
-- and are left out by themselves; so is the year, which never changes here.
CREATE OR REPLACE MODEL arrival OPTIONS (target = 'arr_delay') AS
SELECT * EXCLUDE (arr_time, tailnum, flight) FROM flights;

-- A day before: nothing of that is known yet. The model says honestly how little is left.
CREATE OR REPLACE MODEL arrival_day_before OPTIONS (target = 'arr_delay') AS
SELECT arr_delay, time_hour, sched_dep_time, sched_arr_time, carrier, origin, dest, distance FROM flights;

SELECT 'in the air' AS known, round(r2_score, 3) AS r2, round(mean_absolute_error, 1) AS minutes_off
FROM EVALUATE(MODEL arrival)
UNION ALL
SELECT 'a day before', round(r2_score, 3), round(mean_absolute_error, 1) FROM EVALUATE(MODEL arrival_day_before);

-- Cancelled flights get an answer too: what is NULL is taken as typical.
SELECT carrier, origin, dest, dep_delay, arr_delay, round(PREDICT(arrival)) AS predicted
FROM flights
WHERE dest IN ('SEA', 'ANC')
ORDER BY time_hour, dest, dep_time
LIMIT 5;
