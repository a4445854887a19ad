"""Models through llama.cpp; the library is imported only when a model is loaded."""
