"""The registry: sites, residents, teams, grids and duty rosters; what the rules may know, and whom they may ask."""
