"""The product's story, told through its public interface against a whole running Adjutant."""
