"""JSON Schemas and classes in, objects that check inputs and shape outputs within bounds out."""
