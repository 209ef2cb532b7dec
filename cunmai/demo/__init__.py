"""The demonstration: simulated clinics, real services, an embedded broker, and a doctor's phone to look at."""
