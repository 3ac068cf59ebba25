"""Published files as they are served: whole, in parts, as thumbnails and as waveforms."""
