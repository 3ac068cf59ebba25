"""What the daemon lets others see of its work: logs, metrics, health."""
