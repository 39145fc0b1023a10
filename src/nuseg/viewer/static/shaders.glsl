// Parts begin with four slashes and a name; js/paint.js puts them together.
//// head
#version 300 es
precision highp float; precision highp int;
//// place
uniform highp sampler2D colours; // one texel for each nucleus; alpha 0 = not shown
uniform vec2 origin, size; uniform float scale; // of a cell from the middle of the view, of the view, device px per px
vec4 look(uint i) { int width = textureSize(colours, 0).x; return texelFetch(colours, ivec2(int(i) % width, int(i) / width), 0); }
vec4 place(vec2 p) { return vec4((p + origin) * scale * 2.0 / size * vec2(1, -1), 0, 1); }
//// line vertex
in vec2 a, b; in uint nucleus, after; uniform float width; out vec4 colour; out float side;
void main() {
  colour = look(nucleus);
  vec2 along = (b - a) * scale; float far = length(along);
  if (colour.a == 0.0 || nucleus != after || far == 0.0) { gl_Position = vec4(2, 2, 2, 1); return; }
  vec2 unit = along / far, normal = vec2(-unit.y, unit.x);
  float reach = width * 0.5 + 1.5;
  side = (gl_VertexID & 1) == 0 ? -reach : reach;
  vec2 end = (gl_VertexID & 2) == 0 ? a - unit / scale : b + unit / scale;
  gl_Position = place(end + normal * side / scale);
}
//// line fragment
in vec4 colour; in float side; uniform float opacity, width; out vec4 result;
void main() { // with a rim that tells it from the tissue
  float away = abs(side), core = 1.0 - smoothstep(width * 0.5 - 0.5, width * 0.5 + 0.5, away);
  float rim = 1.0 - smoothstep(width * 0.5 + 0.5, width * 0.5 + 1.5, away);
  vec3 other = dot(colour.rgb, vec3(0.3, 0.59, 0.11)) > 0.45 ? vec3(0) : vec3(1);
  float alpha = max(core, rim * 0.35) * opacity * colour.a;
  result = vec4(mix(other, colour.rgb, core) * alpha, alpha);
}
//// fill vertex
in vec2 a, b, hub; in uint nucleus, after; out vec4 colour;
void main() {
  colour = look(nucleus);
  if (colour.a == 0.0 || nucleus != after) { gl_Position = vec4(2, 2, 2, 1); return; }
  gl_Position = place(gl_VertexID == 0 ? hub : gl_VertexID == 1 ? a : b);
}
//// fill fragment
in vec4 colour; uniform float opacity; out vec4 result;
void main() { float alpha = opacity * colour.a; result = vec4(colour.rgb * alpha, alpha); }
//// point vertex
in vec2 a; in uint nucleus; uniform float width; out vec4 colour;
void main() { colour = look(nucleus); gl_PointSize = width; gl_Position = colour.a == 0.0 ? vec4(2, 2, 2, 1) : place(a); }
//// point fragment
in vec4 colour; uniform float opacity; out vec4 result;
void main() {
  float away = length(gl_PointCoord - 0.5) * 2.0; if (away > 1.0) discard;
  float alpha = opacity * colour.a; result = vec4(colour.rgb * (away > 0.75 ? 0.35 : 1.0) * alpha, alpha);
}
//// density vertex
uniform vec2 extent; out vec2 at;
void main() { at = vec2(gl_VertexID & 1, gl_VertexID >> 1); gl_Position = place(at * extent); }
//// density fragment
in vec2 at; uniform highp sampler2D colours; uniform float opacity; out vec4 result;
void main() { vec4 c = texture(colours, at); float alpha = c.a * opacity; result = vec4(c.rgb * alpha, alpha); }
