"""How good the alarms are: right or wrong per rule, load per person, time until somebody acts."""
