"""What runs a network: OpenVINO on CPUs, PyTorch on GPUs."""
