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
uniform highp sampler2D points; uniform float width; out vec4 colour; out float side;
vec4 point(int i) { int wide = textureSize(points, 0).x; return texelFetch(points, ivec2(i % wide, i / wide), 0); }
void main() { // two triangles for each segment
  int corner = gl_VertexID % 6; vec4 a = point(gl_VertexID / 6), b = point(gl_VertexID / 6 + 1);
  vec2 along = (b.xy - a.xy) * scale; float far = length(along);
  gl_Position = vec4(2, 2, 2, 1);
  if (a.z != b.z || far == 0.0) return;
  colour = look(uint(a.z));
  if (colour.a == 0.0) return;
  vec2 unit = along / far, normal = vec2(-unit.y, unit.x);
  float reach = width * 0.5 + 1.5;
  side = corner == 1 || corner > 3 ? reach : -reach;
  vec2 end = corner == 2 || corner == 3 || corner == 5 ? b.xy + unit / scale : a.xy - unit / scale;
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
uniform highp sampler2D points; out vec4 colour;
vec4 point(int i) { int wide = textureSize(points, 0).x; return texelFetch(points, ivec2(i % wide, i / wide), 0); }
void main() { // a triangle for each segment
  int corner = gl_VertexID % 3; vec4 a = point(gl_VertexID / 3), b = point(gl_VertexID / 3 + 1);
  gl_Position = vec4(2, 2, 2, 1);
  if (a.z != b.z) return;
  colour = look(uint(a.z));
  if (colour.a > 0.0) gl_Position = place(corner == 0 ? point(int(a.w)).xy : corner == 1 ? a.xy : b.xy);
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
