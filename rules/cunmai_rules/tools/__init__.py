"""What rule authors use: test cases, checks."""
