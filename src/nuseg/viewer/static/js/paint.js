// WebGL: outlines, fills, points and density of nuclei over the picture. One colour per nucleus, in a texture.

const WIDTH = 2048; // of the texture of colours
const LOOK_UP = `uniform sampler2D colours;
vec4 look(uint i) { return texelFetch(colours, ivec2(int(i) % ${WIDTH}, int(i) / ${WIDTH}), 0); }
uniform vec2 origin, size; uniform float scale; // of a cell from the middle of the view, of the view, device px per px
vec4 place(vec2 p) { return vec4((p + origin) * scale * 2.0 / size * vec2(1, -1), 0, 1); }`;
const HEAD = `#version 300 es
precision highp float; precision highp int;
`;

const SHADERS = {
  line: [`in vec2 a, b; in uint nucleus, after; uniform float width; out vec4 colour; out float side; ${LOOK_UP}
void main() {
  colour = look(nucleus);
  vec2 along = (b - a) * scale; float length_ = length(along);
  if (colour.a == 0.0 || nucleus != after || length_ == 0.0) { gl_Position = vec4(2, 2, 2, 1); return; }
  vec2 unit = along / length_, normal = vec2(-unit.y, unit.x);
  float reach = width * 0.5 + 1.5;
  side = (gl_VertexID & 1) == 0 ? -reach : reach;
  vec2 end = (gl_VertexID & 2) == 0 ? a - unit / scale : b + unit / scale;
  gl_Position = place(end + normal * side / scale);
}`, `in vec4 colour; in float side; uniform float opacity, width; out vec4 result;
void main() {
  float away = abs(side), core = 1.0 - smoothstep(width * 0.5 - 0.5, width * 0.5 + 0.5, away);
  float rim = 1.0 - smoothstep(width * 0.5 + 0.5, width * 0.5 + 1.5, away);
  vec3 other = dot(colour.rgb, vec3(0.3, 0.59, 0.11)) > 0.45 ? vec3(0) : vec3(1); // a rim that tells it from the tissue
  float alpha = max(core, rim * 0.4) * opacity * colour.a;
  result = vec4(mix(other, colour.rgb, core) * alpha, alpha);
}`],
  fill: [`in vec2 a, b, hub; in uint nucleus, after; out vec4 colour; ${LOOK_UP}
void main() {
  colour = look(nucleus);
  if (colour.a == 0.0 || nucleus != after) { gl_Position = vec4(2, 2, 2, 1); return; }
  gl_Position = place(gl_VertexID == 0 ? hub : gl_VertexID == 1 ? a : b);
}`, `in vec4 colour; uniform float opacity; out vec4 result;
void main() { float alpha = opacity * colour.a; result = vec4(colour.rgb * alpha, alpha); }`],
  point: [`in vec2 a; in uint nucleus; uniform float width; out vec4 colour; ${LOOK_UP}
void main() { colour = look(nucleus); gl_PointSize = width; gl_Position = colour.a == 0.0 ? vec4(2, 2, 2, 1) : place(a); }`,
  `in vec4 colour; uniform float opacity; out vec4 result;
void main() {
  float away = length(gl_PointCoord - 0.5) * 2.0; if (away > 1.0) discard;
  float alpha = opacity * colour.a; result = vec4(colour.rgb * (away > 0.75 ? 0.35 : 1.0) * alpha, alpha);
}`],
  density: [`uniform vec2 extent; out vec2 at; ${LOOK_UP}
void main() { at = vec2(gl_VertexID & 1, gl_VertexID >> 1); gl_Position = place(at * extent) + look(0u) * 0.0; }`,
  `in vec2 at; uniform sampler2D map; uniform float opacity; out vec4 result;
void main() { vec4 c = texture(map, at); float alpha = c.a * opacity; result = vec4(c.rgb * alpha, alpha); }`],
};

export class Painter {
  constructor(canvas) {
    this.canvas = canvas;
    this.gl = canvas.getContext("webgl2", { stencil: true, antialias: false, premultipliedAlpha: true });
    if (!this.gl) throw new Error("This browser has no WebGL 2, which draws the nuclei. Switch hardware acceleration on, or use another browser.");
    this.programs = Object.fromEntries(Object.entries(SHADERS).map(([name, pair]) => [name, this.program(...pair)]));
    this.gl.enable(this.gl.BLEND);
    this.gl.blendFunc(this.gl.ONE, this.gl.ONE_MINUS_SRC_ALPHA);
  }

  program(vertex, fragment) {
    const { gl } = this, program = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, HEAD + text);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    ["a", "b", "hub", "nucleus", "after"].forEach((name, i) => gl.bindAttribLocation(program, i, name));
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
    return { program, at: (name) => gl.getUniformLocation(program, name) };
  }

  begin(view) {
    const { gl, canvas } = this;
    if (canvas.width !== view.width || canvas.height !== view.height) Object.assign(canvas, { width: view.width, height: view.height });
    gl.viewport(0, 0, view.width, view.height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.STENCIL_BUFFER_BIT);
    this.view = view;
  }

  /** Colours of a layer as a texture: 4 bytes for each nucleus. */
  colours(old, rgba) {
    const { gl } = this, texture = old ?? gl.createTexture(), height = Math.max(1, Math.ceil(rgba.length / 4 / WIDTH));
    const padded = new Uint8Array(4 * WIDTH * height);
    padded.set(rgba);
    this.upload(texture, WIDTH, height, padded, gl.NEAREST);
    return texture;
  }

  picture(old, width, height, rgba) {
    const texture = old ?? this.gl.createTexture();
    this.upload(texture, width, height, rgba, this.gl.LINEAR);
    return texture;
  }

  upload(texture, width, height, data, filter) {
    const { gl } = this;
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, width, height, 0, gl.RGBA, gl.UNSIGNED_BYTE, data);
    for (const side of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, side, filter);
    for (const wrap of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, wrap, gl.CLAMP_TO_EDGE);
  }

  buffer(data) {
    const { gl } = this, buffer = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW);
    return buffer;
  }

  /** Buffers of an outline cell: every ring is closed, and its first point goes with all its segments. */
  load(cell) {
    const n = cell.index.length, total = cell.xy.length / 2 + n;
    const xy = new Float32Array(2 * total + 2), hub = new Float32Array(2 * total + 2), nucleus = new Uint32Array(total + 1).fill(0xffffffff);
    for (let i = 0, at = 0; i < n; i++) {
      const first = cell.start[i], end = cell.start[i + 1];
      for (let p = first; p <= end; p++, at++) {
        const from = p === end ? first : p;
        xy.set([cell.xy[2 * from], cell.xy[2 * from + 1]], 2 * at);
        hub.set([cell.xy[2 * first], cell.xy[2 * first + 1]], 2 * at);
        nucleus[at] = cell.index[i];
      }
    }
    const { gl } = this, array = gl.createVertexArray(), buffers = [this.buffer(xy), this.buffer(hub), this.buffer(nucleus)];
    gl.bindVertexArray(array);
    this.attribute(buffers[0], 0, 2, 0, 1);
    this.attribute(buffers[0], 1, 2, 8, 1);
    this.attribute(buffers[1], 2, 2, 0, 1);
    this.attribute(buffers[2], 3, 1, 0, 1);
    this.attribute(buffers[2], 4, 1, 4, 1);
    cell.loaded = { array, segments: total };
    cell.free = () => { gl.deleteVertexArray(array); buffers.forEach((one) => gl.deleteBuffer(one)); };
  }

  attribute(buffer, location, size, offset, divisor) {
    const { gl } = this;
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.enableVertexAttribArray(location);
    if (size === 1) gl.vertexAttribIPointer(location, 1, gl.UNSIGNED_INT, 4, offset);
    else gl.vertexAttribPointer(location, size, gl.FLOAT, false, 8, offset);
    gl.vertexAttribDivisor(location, divisor);
  }

  /** Free what a layer that is no longer shown holds. */
  forget({ points, texture, densityTexture }) {
    if (points) this.gl.deleteVertexArray(points);
    for (const one of [texture, densityTexture]) if (one) this.gl.deleteTexture(one);
  }

  use(name, colours, x, y, uniforms) {
    const { gl, view } = this, { program, at } = this.programs[name];
    gl.useProgram(program);
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, colours);
    gl.uniform1i(at("colours"), 0);
    gl.uniform2f(at("origin"), x - view.x, y - view.y);
    gl.uniform2f(at("size"), view.width, view.height);
    gl.uniform1f(at("scale"), view.scale);
    for (const [key, value] of Object.entries(uniforms)) gl.uniform1f(at(key), value);
    return at;
  }

  outlines(cells, colours, { opacity, fill, width }) {
    const { gl } = this;
    for (const cell of cells) {
      if (!cell.loaded) this.load(cell);
      gl.bindVertexArray(cell.loaded.array);
      if (fill > 0) { // odd overlaps of the triangles from a ring's first point are its inside
        this.use("fill", colours, cell.x, cell.y, { opacity: fill });
        gl.enable(gl.STENCIL_TEST);
        gl.colorMask(false, false, false, false);
        gl.stencilFunc(gl.ALWAYS, 0, 1);
        gl.stencilOp(gl.INVERT, gl.INVERT, gl.INVERT);
        gl.drawArraysInstanced(gl.TRIANGLES, 0, 3, cell.loaded.segments);
        gl.colorMask(true, true, true, true);
        gl.stencilFunc(gl.EQUAL, 1, 1);
        gl.stencilOp(gl.ZERO, gl.ZERO, gl.ZERO);
        gl.drawArraysInstanced(gl.TRIANGLES, 0, 3, cell.loaded.segments);
        gl.disable(gl.STENCIL_TEST);
      }
      this.use("line", colours, cell.x, cell.y, { opacity, width });
      gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, cell.loaded.segments);
    }
    gl.bindVertexArray(null);
  }

  points(nuclei, runs, colours, opacity, width) {
    const { gl } = this;
    if (!nuclei.points) {
      const xy = new Float32Array(2 * nuclei.count);
      nuclei.order.forEach((key, i) => { xy[2 * i] = nuclei.x[key]; xy[2 * i + 1] = nuclei.y[key]; });
      nuclei.points = gl.createVertexArray();
      gl.bindVertexArray(nuclei.points);
      this.attribute(this.buffer(xy), 0, 2, 0, 0);
      this.attribute(this.buffer(nuclei.order), 3, 1, 0, 0);
    }
    gl.bindVertexArray(nuclei.points);
    this.use("point", colours, 0, 0, { opacity, width });
    for (const [from, to] of runs) if (to > from) gl.drawArrays(gl.POINTS, from, to - from);
    gl.bindVertexArray(null);
  }

  density(map, width, height, colours, opacity) {
    const { gl } = this, at = this.use("density", colours, 0, 0, { opacity });
    gl.uniform2f(at("extent"), width, height);
    gl.uniform1i(at("map"), 1);
    gl.activeTexture(gl.TEXTURE1);
    gl.bindTexture(gl.TEXTURE_2D, map);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
    gl.activeTexture(gl.TEXTURE0);
  }
}
