"""One resident at one moment: why each rule did or did not raise. `cunmai rules explain`."""
