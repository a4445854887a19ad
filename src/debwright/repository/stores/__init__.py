"""Where the repository is served from: copies of its current publication, brought there in an
order in which no reader meets a mixture."""
