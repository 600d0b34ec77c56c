"""A request's way to its handler: the world, a call, routing. Imports every part but api and console."""
