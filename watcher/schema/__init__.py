"""The ledger's numbered migrations, one SQL file each."""
