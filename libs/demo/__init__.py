"""`adjutant demo`: the main job from sign-up to the provider's own confirmation, over the public interface."""
