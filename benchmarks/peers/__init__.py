"""Other chat servers under the host's load, side by side with it in one run. `setup` installs them."""
