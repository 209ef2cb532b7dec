"""`cunmai gateway doctor`: each thing that a gateway needs, looked at once: fine, or what to do."""
