"""What talc-run and talc-report are made of: python's standard library, and nothing else."""
