"""The samples: builder functions by family, which give payloads as Clerk sends them today."""
