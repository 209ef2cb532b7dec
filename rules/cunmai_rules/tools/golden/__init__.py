"""Golden cases: readings in simulated time, and what rules must say of them. `cunmai rules test`."""
