"""The model itself: Prophet's terms and priors, fitted to many series at once. Kernels: arrays in, arrays out."""
