"""What rule authors use: test cases, checks, history through other rules, one moment explained, plain words."""
