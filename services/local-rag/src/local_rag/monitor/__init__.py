"""What the machine is doing: heat, disk, memory, health."""
