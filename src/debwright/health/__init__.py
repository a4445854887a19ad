"""What `debwright doctor` looks at beyond this machine's tools: archive, keys, repository, CI."""
