"""Stored readings as FHIR R4 resources: Observation, ImagingStudy, and what goes around them. No I/O, no clock."""
