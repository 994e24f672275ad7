"""What starts processes: command line, API, worker, `stocktide up`, the demo. Only they import stages."""
