"""The life of signing keys: made, shown, exported, backed up, restored, replaced."""
