"""Entry points: command line, API, worker, `stocktide up`, the demo. Only they import stages."""
