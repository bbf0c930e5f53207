-- Made after the rows are in, which is quicker; ANALYZE lets the first query plan well.
CREATE INDEX flights_scheduled_departure ON source.flights (scheduled_departure);
CREATE INDEX support_messages_created_at ON source.support_messages (created_at);
ANALYZE source.flights, source.weather, source.planes, source.support_messages;
