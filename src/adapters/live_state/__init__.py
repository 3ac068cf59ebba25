"""Live state of workers: small files that show to other processes what each worker does now."""
