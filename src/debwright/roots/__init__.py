"""Root file systems: bootstrapped once, layered, and given out as throw-away overlays."""
