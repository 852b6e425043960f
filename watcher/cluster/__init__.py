"""Other machines look at photos: Dask spreads the batches, ledger and writing stay on the first machine."""
