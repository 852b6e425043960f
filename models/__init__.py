"""What stands behind the names taggers, captioners and embedders: what a photo shows."""
