"""Bedrock's Converse: the conversations of all of its models in one grammar."""
