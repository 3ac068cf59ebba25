"""What a worker does at this moment, shown in one small file for each worker."""
