"""The backend that effect and panel share, and the computer that it runs on."""
