"""Every rule in plain words and pictures. `cunmai rules preview`."""
