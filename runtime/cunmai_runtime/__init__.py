"""What every service shares and the wire must not hold: clock, SQLite, MQTT session, YAML with line
numbers, logs. I/O lives here and in the services; decisions live in neither (docs/decisions/0001)."""
