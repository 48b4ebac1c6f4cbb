"""Routes: an exact path is one look-up; a path with variable segments is matched segment by segment."""

from collections.abc import Iterable

from sidecar.api.wire import Route


class Router:
    """Fixed routes only: no part of a path becomes anything but a parameter of its route."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._exact: dict[tuple[str, str], Route] = {}
        self._shaped: dict[tuple[str, int], list[tuple[list[str], Route]]] = {}
        for route in routes:
            if "{}" not in route.path:
                self._exact[route.method, route.path] = route
                continue
            segments = route.path.split("/")
            self._shaped.setdefault((route.method, len(segments)), []).append((segments, route))

    def find(self, method: str, path: str) -> tuple[Route, tuple[str, ...]] | None:
        """The route and its parameters, or None."""
        route = self._exact.get((method, path))
        if route is not None:
            return route, ()
        segments = path.split("/")
        for shape, shaped in self._shaped.get((method, len(segments)), ()):
            if all(want in ("{}", have) for want, have in zip(shape, segments, strict=True)):
                params = tuple(have for want, have in zip(shape, segments, strict=True) if want == "{}")
                return shaped, params
        return None

    def methods(self, path: str) -> list[str]:
        """What may be done at this path: the Allow header of a 405."""
        methods = {method for method, _ in (*self._exact, *self._shaped)}
        return sorted(method for method in methods if self.find(method, path))
