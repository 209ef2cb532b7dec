"""The verbs of `cunmai rules` that belong to no other part."""
