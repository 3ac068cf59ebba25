"""An embedded renderer: real images and audio with no GPU and no model."""
