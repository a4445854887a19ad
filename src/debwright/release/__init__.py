"""The release on the hosting service: a draft with everything in it, then its publication."""
