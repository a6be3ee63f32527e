//! Asks an OpenAI-compatible model or Ollama and decodes the answer's stream into deltas. Stops when dropped.
