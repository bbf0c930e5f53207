-- The demo's source tables. The generated columns keep COPY a plain copy of the package's files.
CREATE SCHEMA IF NOT EXISTS source;

DROP TABLE IF EXISTS
    source.loaded, source.flights, source.weather, source.planes, source.support_messages;

-- What was loaded, so that a second load can tell that it has nothing to do.
CREATE TABLE source.loaded (
    table_name text PRIMARY KEY,
    row_count bigint NOT NULL,
    fingerprint text NOT NULL
);

-- flight_id is the row's number in the package's file, from 1: COPY numbers rows in file order.
CREATE TABLE source.flights (
    flight_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    year integer NOT NULL,
    month integer NOT NULL,
    day integer NOT NULL,
    dep_time integer,
    sched_dep_time integer NOT NULL,
    dep_delay integer,
    arr_time integer,
    sched_arr_time integer NOT NULL,
    arr_delay integer,
    carrier text NOT NULL,
    flight integer NOT NULL,
    tailnum text,
    origin text NOT NULL,
    dest text NOT NULL,
    air_time integer,
    distance integer NOT NULL,
    hour integer NOT NULL,
    minute integer NOT NULL,
    time_hour timestamptz NOT NULL,
    scheduled_departure timestamptz NOT NULL GENERATED ALWAYS AS (
        make_timestamp(year, month, day, sched_dep_time / 100, sched_dep_time % 100, 0)
        AT TIME ZONE 'America/New_York'
    ) STORED
);

CREATE TABLE source.weather (
    origin text NOT NULL,
    year integer NOT NULL,
    month integer NOT NULL,
    day integer NOT NULL,
    hour integer NOT NULL,
    temp double precision,
    dewp double precision,
    humid double precision,
    wind_dir integer,
    wind_speed double precision,
    wind_gust double precision,
    precip double precision,
    pressure double precision,
    visib double precision,
    time_hour timestamptz NOT NULL,
    PRIMARY KEY (origin, time_hour)
);

CREATE TABLE source.planes (
    tailnum text PRIMARY KEY,
    year integer,
    type text,
    manufacturer text,
    model text,
    engines integer,
    seats integer,
    speed integer,
    engine text
);

CREATE TABLE source.support_messages (
    message_id bigint PRIMARY KEY,
    created_at timestamptz NOT NULL,
    subject text,
    body text
);
